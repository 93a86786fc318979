// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"slices"
	"strings"
)

// Precondition is what the function needs and the plan does not create: who owns it
// decides where it is, who reads it and how long it keeps what is in it.
type Precondition struct {
	On     Resource  `json:"on"`
	Why    string    `json:"why"`
	Show   Command   `json:"-"`      // prints something where it exists
	Create []Command `json:"create"` // by hand, where it is missing
}

// preconditions are the stores of dead letters that the routes file or a setting names.
func (p *Plan) preconditions() (all []Precondition) {
	for _, on := range p.Settings.named() {
		if on.Kind == "bucket" {
			url := "gs://" + on.Name
			all = append(all, Precondition{on, "dead letters are stored there",
				gcloud("storage", "buckets", "describe", url, "--format=value(name)"),
				[]Command{gcloud("storage", "buckets", "create", url, p.project(), "--location="+p.Settings.Region,
					"--uniform-bucket-level-access", "--public-access-prevention")}})
			continue
		}
		project, name := topicParts(on.Name)
		in := "--project=" + project
		all = append(all, Precondition{on, "dead letters are published there, and lost without a subscription that keeps them",
			gcloud("pubsub", "topics", "list-subscriptions", name, in, "--format=value(.)"),
			[]Command{
				gcloud("pubsub", "topics", "create", name, in),
				append(gcloud("pubsub", "subscriptions", "create", name, in, "--topic="+name), flags(Kept())...),
			}})
	}
	return all
}

// topicParts are the project and the name of projects/P/topics/T.
func topicParts(topic string) (project, name string) {
	parts := strings.Split(topic, "/")
	return parts[1], parts[len(parts)-1]
}

// named are the stores of dead letters that the routes file or a setting names.
func (s Settings) named() (all []Resource) {
	for _, address := range s.Stores {
		kind, rest, _ := strings.Cut(address, "://")
		on := Resource{"topic", rest}
		if kind == "gs" {
			bucket, _, _ := strings.Cut(rest, "/")
			on = Resource{"bucket", bucket}
		}
		if !slices.Contains(all, on) {
			all = append(all, on)
		}
	}
	return all
}

// require checks that the preconditions exist, before anything that needs them.
func (p *Plan) require() (steps []Step) {
	for _, c := range p.Preconditions {
		what := "The " + c.On.Kind + " " + c.On.Name
		missing := what + " is missing"
		if c.On.Kind == "topic" {
			missing += ", or has no subscription"
		}
		steps = append(steps, Step{What: what + " must exist: " + c.Why + ".", Do: c.Show, Create: c.Create,
			Missing: missing + ". Create it, and run this script again:"})
	}
	return steps
}
