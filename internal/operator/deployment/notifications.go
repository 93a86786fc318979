// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/pattern"
)

// Notification has a bucket publish its changes of one kind to a topic, from which
// routes for objects take them.
type Notification struct {
	Bucket string   `json:"bucket"`
	Type   string   `json:"type"` // of the events, by Eventarc's name
	Topic  string   `json:"topic"`
	Routes []string `json:"routes"`
}

// String is the notification for a person.
func (n Notification) String() string { return Source{Type: n.Type, Bucket: n.Bucket}.String() }

// notify finds the notifications of a route for objects that names a topic.
func (f *found) notify(r *route.Spec, eventType string) {
	for _, topic := range f.newTopics(r) {
		for _, bucket := range f.names(r, r.Bucket, f.settings.Buckets, notified) {
			f.addNotification(Notification{Bucket: bucket, Type: eventType, Topic: topic}, r)
		}
	}
}

func (f *found) addNotification(n Notification, r *route.Spec) {
	at := slices.IndexFunc(f.notifications, func(other Notification) bool {
		return other.Bucket == n.Bucket && other.Type == n.Type && other.Topic == n.Topic
	})
	if at < 0 {
		at, f.notifications = len(f.notifications), append(f.notifications, n)
	}
	f.notifications[at].Routes = with(f.notifications[at].Routes, r.Name.Value)
}

// newTopics are the topics that a route names and the operator does not say exist. Who
// names an existing one has its notifications already.
func (f *found) newTopics(r *route.Spec) (names []string) {
	if len(r.Subscription) > 0 {
		return nil
	}
	for _, text := range r.Topic {
		p, err := pattern.Parse(text.Value)
		if err != nil || !p.Exact() || strings.HasPrefix(text.Value, "!") {
			continue
		}
		if name, ok := f.local(r, text.Value, "topic"); ok && isTopic(name) && !slices.Contains(f.settings.Topics, name) {
			names = with(names, name)
		}
	}
	return names
}

// NotifiedTopics are the topics of the notifications, each once.
func (p *Plan) NotifiedTopics() (names []string) {
	for _, n := range p.Notifications {
		names = with(names, n.Topic)
	}
	return names
}

// makeNotified makes the topics of the notifications. Their triggers subscribe to them.
func (p *Plan) makeNotified() (steps []Step) {
	for _, name := range p.NotifiedTopics() {
		steps = append(steps, p.CreateNotified(name))
	}
	return steps
}

// CreateNotified creates a topic of notifications.
func (p *Plan) CreateNotified(name string) Step {
	return Step{
		What:   "The topic " + name + ", to which buckets publish their notifications.",
		Unless: gcloud("pubsub", "topics", "describe", name, p.project(), "--format=value(name)"),
		Do:     gcloud("pubsub", "topics", "create", name, p.project(), "--labels="+label+"="+p.Settings.Function),
	}
}

// What Cloud Storage calls a change, by the end of its type's name:
// https://cloud.google.com/storage/docs/pubsub-notifications#events
var changes = map[string]string{
	"archived": "OBJECT_ARCHIVE", "deleted": "OBJECT_DELETE", "finalized": "OBJECT_FINALIZE", "metadataUpdated": "OBJECT_METADATA_UPDATE",
}

// notifications makes them once something subscribes to their topics. One that the
// operator has made for the same changes is enough.
func (p *Plan) notifications() (steps []Step) {
	for _, n := range p.Notifications {
		steps = append(steps, p.Notify(n))
	}
	return steps
}

// Change is what Cloud Storage calls the kind of change, such as OBJECT_FINALIZE.
func (n Notification) Change() string { return changes[Source{Type: n.Type}.kind()] }

// Notify creates a notification.
func (p *Plan) Notify(n Notification) Step {
	const of = "'Notification Configuration'."
	topic, change := "projects/"+p.Settings.Project+"/topics/"+n.Topic, n.Change()
	return Step{
		What: "Notifications of " + n.String() + ", to the topic " + n.Topic + ".", Retry: RetryForMinutes,
		Unless: gcloud("storage", "buckets", "notifications", "list", "gs://"+n.Bucket, p.project(),
			"--filter="+of+"topic=//pubsub.googleapis.com/"+topic+" AND ("+of+"event_types="+change+" OR NOT "+of+"event_types:*)",
			"--format=value("+of+"id)"),
		Do: gcloud("storage", "buckets", "notifications", "create", "gs://"+n.Bucket, p.project(), "--topic="+topic,
			"--event-types="+change, "--payload-format=json", "--skip-topic-setup", "--custom-attributes="+label+"="+p.Settings.Function),
	}
}

// forgetNotifications takes away those that carry the function's label.
func (p *Plan) forgetNotifications() (undos []Undo) {
	const of = "'Notification Configuration'."
	var buckets []string
	for _, n := range p.Notifications {
		buckets = with(buckets, n.Bucket)
	}
	for _, bucket := range buckets {
		undos = append(undos, Undo{
			What: "the notifications of the bucket " + bucket,
			Where: gcloud("storage", "buckets", "notifications", "list", "gs://"+bucket, p.project(),
				"--filter="+of+"custom_attributes."+label+"="+p.Settings.Function, "--format=value("+of+"id)"),
			Do: gcloud("storage", "buckets", "notifications", "delete",
				"projects/_/buckets/"+bucket+"/notificationConfigs/$"+foundVariable, p.project()),
		})
	}
	return undos
}

// forgetNotified takes away the topics that were made for notifications.
func (p *Plan) forgetNotified() (undos []Undo) {
	for _, name := range p.NotifiedTopics() {
		undos = append(undos, Undo{
			What:  "the topic " + name,
			Where: gcloud("pubsub", "topics", "describe", name, p.project(), "--format=value(labels."+label+")"), Is: p.Settings.Function,
			Do: gcloud("pubsub", "topics", "delete", name, p.project()),
		})
	}
	return undos
}
