// SPDX-License-Identifier: Apache-2.0

package deployment

import "slices"

// Undo takes away one thing that the steps have made, and nothing else.
type Undo struct {
	What string
	// Where prints Is on a line where the thing is there, and is this function's.
	// Where Is is empty, it prints the names of such things, one a line.
	Where Command
	Is    string
	Do    Command
	// Keeps says that dead letters are in it, so that it goes only where that is
	// asked for.
	Keeps bool
}

// foundVariable holds one of the names that [Undo.Where] has printed.
const foundVariable = "FOUND"

// Undos are in their order: first what delivers events, last the accounts. APIs
// stay on, the metrics of the log stay (they cost nothing, and
// another function may have alerts on them), and so does the role of Cloud
// Storage, which may serve other triggers.
func (p *Plan) Undos() []Undo {
	s := p.Settings
	if p.Settings.Pull {
		return slices.Concat(p.forgetNotifications(), p.unpull(), p.undoShared())
	}
	all := []Undo{{
		What: "the alerts",
		Where: gcloud("alpha", "monitoring", "policies", "list", p.project(),
			"--filter=userLabels."+label+"="+s.Function, "--format=value(name)"),
		Do: gcloud("alpha", "monitoring", "policies", "delete", "$"+foundVariable, p.project()),
	}}
	all = append(all, p.forgetJobs()...)
	all = append(all, p.forgetNotifications()...)
	for _, own := range p.Subscriptions {
		all = append(all, Undo{
			What: "the push of your subscription " + own.Name + ", which then keeps its messages",
			Where: gcloud("pubsub", "subscriptions", "describe", own.Name, p.project(),
				"--format=value(pushConfig.oidcToken.serviceAccountEmail)"),
			Is: s.InvokerEmail(),
			Do: gcloud("pubsub", "subscriptions", "update", own.Name, p.project(), "--push-endpoint=", "--clear-dead-letter-policy"),
		})
	}
	all = append(all, Undo{
		What:  "the triggers, and the events that wait there",
		Where: p.triggers(),
		Do:    gcloud("eventarc", "triggers", "delete", "$"+foundVariable),
	}, Undo{
		What:  "the function, its own trigger, and the events that wait there",
		Where: p.field("labels."+label, "metadata.labels."+label),
		Is:    s.Function,
		Do:    p.delete(),
	})
	return append(all, p.undoShared()...)
}

// undoShared are what a function and a worker pool both leave behind: roles, topics and
// accounts.
func (p *Plan) undoShared() (all []Undo) {
	for _, g := range p.Grants {
		// What is given on anything else goes with what it is given on.
		if g.Ours && slices.Contains([]string{"project", "secret", "bucket"}, g.On.Kind) {
			all = append(all, p.revoke(g))
		}
	}
	all = append(all, p.forgetNotified()...)
	for _, t := range p.Topics {
		for _, kind := range []string{"subscriptions", "topics"} {
			all = append(all, Undo{
				What: t.Name + " among the " + kind + " of Pub/Sub", Keeps: true,
				Where: gcloud("pubsub", kind, "describe", t.Name, p.project(), "--format=value(labels."+label+")"), Is: p.Settings.Function,
				Do: gcloud("pubsub", kind, "delete", t.Name, p.project()),
			})
		}
	}
	for _, a := range p.Accounts {
		all = append(all, Undo{What: "the account " + a.ID, Where: p.describe(a), Is: a.Does,
			Do: gcloud("iam", "service-accounts", "delete", a.Email, p.project())})
	}
	return all
}

// triggers prints the whole names of the triggers that are this function's, but
// for its own. The listing shortens names, unless they are asked for in another
// way.
func (p *Plan) triggers() Command {
	return gcloud("eventarc", "triggers", "list", p.project(), "--location=-",
		"--filter=labels."+label+"="+p.Settings.Function, "--format=value(name.scope(v1))")
}

// delete removes the function.
func (p *Plan) delete() Command {
	if p.Settings.Image != "" {
		return p.cloudRun("delete")
	}
	return gcloud("functions", "delete", p.Function.Name, "--gen2", p.project(), p.region())
}

// revoke takes a role back.
func (p *Plan) revoke(g Grant) Undo {
	return Undo{
		What: g.Role + " of " + p.Who(g.Member) + " on the " + g.On.Kind + " " + g.On.Name, Is: g.Role + " " + g.Member,
		Where: append(p.policy(g.On, "get-iam-policy"), "--flatten=bindings[].members",
			"--format=value[separator=' '](bindings.role,bindings.members)"),
		Do: p.Bind(g.On, "remove-iam-policy-binding", g.Member, g.Role),
	}
}
