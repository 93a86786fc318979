// SPDX-License-Identifier: Apache-2.0

package deployment

import "strings"

// The commands below are no part of the plan's steps. They set right what is found to
// differ from the plan.

// Point has an existing trigger deliver where the plan says, and as whom.
func (p *Plan) Point(trigger string) Command {
	return append(gcloud("eventarc", "triggers", "update", trigger), p.leads()...)
}

// DeleteTrigger deletes a trigger, and the events that wait there.
func (p *Plan) DeleteTrigger(name string) Command {
	return gcloud("eventarc", "triggers", "delete", name)
}

// StopPush has a subscription keep its messages in place of pushing them.
func (p *Plan) StopPush(subscription string) Command {
	return gcloud("pubsub", "subscriptions", "modify-push-config", subscription, p.project(), "--push-endpoint=")
}

// CreateSubscription creates a subscription that the routes name, on a topic that they
// do not.
func (p *Plan) CreateSubscription(s Subscription) Command {
	return gcloud("pubsub", "subscriptions", "create", s.Name, p.project(), "--topic=TOPIC")
}

// EnableAccount enables an account that was disabled.
func (p *Plan) EnableAccount(email string) Command {
	return gcloud("iam", "service-accounts", "enable", email, p.project())
}

// EnableAPI enables an API.
func (p *Plan) EnableAPI(name string) Command { return gcloud("services", "enable", name, p.project()) }

// ServeLatest has the latest revision serve all requests.
func (p *Plan) ServeLatest() Command {
	return gcloud("run", "services", "update-traffic", p.Function.Name, p.project(), p.region(), "--to-latest")
}

// ShowVariable prints a setting of the deployed function.
func (p *Plan) ShowVariable(name string) Command {
	return p.field("serviceConfig.environmentVariables."+name,
		"spec.template.spec.containers[0].env.filter('name="+name+"').extract('value').flatten()")
}

// KeepMessages sets how the subscription of a topic keeps its messages.
func (p *Plan) KeepMessages(t Topic) Command {
	return append(gcloud("pubsub", "subscriptions", "update", t.Name, p.project()), flags(Kept())...)
}

// AllowReading gives a role that may read a resource, on its project.
func AllowReading(project, member, role string) Command { return bind(project, member, role) }

// Numbered puts the project's number in the place of its variable.
func Numbered(text, number string) string {
	return strings.ReplaceAll(text, "$"+numberVariable, number)
}

// ResumeJob has a paused job of Cloud Scheduler run again.
func (p *Plan) ResumeJob(j Job) Command {
	return gcloud("scheduler", "jobs", "resume", j.Name, p.project(), "--location="+p.Settings.Region)
}
