// SPDX-License-Identifier: Apache-2.0

package gcp

import (
	"context"
	"net/http"
	"net/url"
	"slices"
)

// Policy says who has which role on a resource:
// https://cloud.google.com/iam/docs/reference/rest/v1/Policy.
type Policy struct {
	Bindings []Binding `json:"bindings"`
}

// Binding gives members a role, where a condition holds if it has one.
type Binding struct {
	Role      string     `json:"role"`
	Members   []string   `json:"members"`
	Condition *Condition `json:"condition"`
}

// Condition restricts a binding.
type Condition struct {
	Title string `json:"title"`
}

// Has reports whether a member has a role without a condition, and whether it has it
// under one.
func (p *Policy) Has(member, role string) (always, conditionally bool) {
	for _, b := range p.Bindings {
		if b.Role == role && slices.Contains(b.Members, member) {
			always = always || b.Condition == nil
			conditionally = conditionally || b.Condition != nil
		}
	}
	return always, conditionally
}

// newest asks for bindings with their conditions:
// https://cloud.google.com/iam/docs/policies#versions.
const newest = 3

// ProjectPolicy reads the policy of a project.
func (r *Reader) ProjectPolicy(ctx context.Context, project string) (p Policy, err error) {
	body := map[string]any{"options": map[string]any{"requestedPolicyVersion": newest}}
	err = r.call(ctx, http.MethodPost, "https://cloudresourcemanager.googleapis.com/v1/projects/"+project+":getIamPolicy", body, &p)
	return p, err
}

// BucketPolicy reads the policy of a bucket.
func (r *Reader) BucketPolicy(ctx context.Context, bucket string) (p Policy, err error) {
	err = r.Get(ctx, "https://storage.googleapis.com/storage/v1/b/"+url.PathEscape(bucket)+"/iam?optionsRequestedPolicyVersion=3", &p)
	return p, err
}

// TopicPolicy reads the policy of a topic or a subscription by its full name.
func (r *Reader) TopicPolicy(ctx context.Context, name string) (Policy, error) {
	return r.policy(ctx, "pubsub", "v1/"+name)
}

// SecretPolicy reads the policy of a secret.
func (r *Reader) SecretPolicy(ctx context.Context, project, name string) (Policy, error) {
	return r.policy(ctx, "secretmanager", "v1/projects/"+project+"/secrets/"+name)
}

// ServicePolicy reads the policy of a service of Cloud Run.
func (r *Reader) ServicePolicy(ctx context.Context, project, region, name string) (Policy, error) {
	return r.policy(ctx, "run", "v2/projects/"+project+"/locations/"+region+"/services/"+name)
}

func (r *Reader) policy(ctx context.Context, api, path string) (p Policy, err error) {
	err = r.Get(ctx, "https://"+api+".googleapis.com/"+path+":getIamPolicy?options.requestedPolicyVersion=3", &p)
	return p, err
}

// Number reads the number of a project.
func (r *Reader) Number(ctx context.Context, project string) (string, error) {
	var p Project
	err := r.Get(ctx, "https://cloudresourcemanager.googleapis.com/v1/projects/"+project, &p)
	return p.Number, err
}

// Project is a project.
type Project struct {
	Number string `json:"projectNumber"`
}

// Account is a service account.
type Account struct {
	Email    string `json:"email"`
	Disabled bool   `json:"disabled"`
}

// Account reads a service account.
func (r *Reader) Account(ctx context.Context, project, email string) (a Account, err error) {
	err = r.Get(ctx, "https://iam.googleapis.com/v1/projects/"+project+"/serviceAccounts/"+email, &a)
	return a, err
}

// Notification has a bucket publish its changes to a topic:
// https://cloud.google.com/storage/docs/json_api/v1/notifications.
type Notification struct {
	ID         string   `json:"id"`
	Topic      string   `json:"topic"` // //pubsub.googleapis.com/projects/P/topics/T
	EventTypes []string `json:"event_types"`
	// Prefix is what the names of objects begin with whose changes are published.
	Prefix string `json:"object_name_prefix"`
}

// Notifications reads those of a bucket.
func (r *Reader) Notifications(ctx context.Context, bucket string) ([]Notification, error) {
	var answer struct {
		Items []Notification `json:"items"`
	}
	err := r.Get(ctx, "https://storage.googleapis.com/storage/v1/b/"+url.PathEscape(bucket)+"/notificationConfigs", &answer)
	return answer.Items, err
}

// TopicPermissions are those of the named permissions on a topic that the caller has. It
// needs no permission itself:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/testIamPermissions
func (r *Reader) TopicPermissions(ctx context.Context, topic string, names ...string) ([]string, error) {
	var answer struct{ Permissions []string }
	err := r.call(ctx, http.MethodPost, "https://pubsub.googleapis.com/v1/"+topic+":testIamPermissions",
		map[string][]string{"permissions": names}, &answer)
	return answer.Permissions, err
}
