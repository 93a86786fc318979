// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/pubsub"
	"example.com/dagtrigger/internal/rest"
)

// outboxFormat is the version of the message's JSON. The DAG dagtrigger_outbox reads one
// version.
const outboxFormat = "1"

// Outbox is an environment that no request can reach: its runs are published to a topic, and
// a DAG inside of it starts them (deploy/outbox.md). It says neither whether a run exists nor what
// becomes of it. Its methods may be called concurrently.
type Outbox struct{ publisher *pubsub.Publisher }

// NewOutbox makes the environment that s describes, whose Outbox is set. emulator is where
// an emulator of Pub/Sub listens, empty for Google's. It sends no request. The error is as
// that of [New].
func NewOutbox(s Spec, name func(field string) string, emulator string, o Options) (*Outbox, error) {
	if problems := s.Check(name); len(problems) > 0 {
		return nil, problems
	}
	topic, err := pubsub.ParseTopic(s.Outbox)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.Outbox, err)
	}
	o = o.withDefaults()
	client := rest.ForGoogle(rest.Options{
		Transport: o.wrap(o.Transport), Google: o.Google.Client, UserAgent: o.UserAgent, Root: pubsub.Root, Emulator: emulator,
	})
	return &Outbox{&pubsub.Publisher{Client: client, Topic: topic}}, nil
}

// OutboxError is returned where an answer of an [Outbox] is needed.
type OutboxError struct{ Topic string }

func (e *OutboxError) Error() string {
	return "it is the outbox " + e.Topic + ", which answers nothing: look at the runs in its Airflow (deploy/outbox.md)"
}

// Topic is the name of the topic.
func (b *Outbox) Topic() string { return b.publisher.Topic.String() }

// outboxRun is the data of a message. Members that a run does not have are left out.
type outboxRun struct {
	Format       string          `json:"format"`
	DAGID        string          `json:"dag_id"`
	RunID        string          `json:"dag_run_id"`
	Conf         json.RawMessage `json:"conf"`
	Note         string          `json:"note,omitempty"`
	LogicalDate  string          `json:"logical_date,omitempty"` // in microseconds, as Airflow keeps it
	RunAfter     string          `json:"run_after,omitempty"`
	PartitionKey string          `json:"partition_key,omitempty"`
	Route        string          `json:"route"`
	Environment  string          `json:"environment"`
}

// Publish returns once Pub/Sub has the run. route and environment are the names that the
// message carries. The error is as that of [pubsub.Publisher.Publish].
func (b *Outbox) Publish(ctx context.Context, run airflow.Run, route, environment string) error {
	data, err := OutboxMessage(run, route, environment)
	if err != nil {
		return err
	}
	attributes := map[string]string{
		"format": outboxFormat, "dag_id": run.DAGID, "dag_run_id": run.RunID, "route": route, "environment": environment,
		"content_type": "application/json",
	}
	return b.publisher.Publish(ctx, pubsub.Message{Data: data, Attributes: attributes}, "publishing the run", b.Topic(),
		"make conf smaller: pass the object's URI in place of its content")
}

// OutboxMessage is the data of the message that [Outbox.Publish] publishes.
func OutboxMessage(run airflow.Run, route, environment string) ([]byte, error) {
	conf := json.RawMessage(run.Conf)
	if len(conf) == 0 {
		conf = json.RawMessage("{}")
	}
	data, err := plainjson.Marshal(outboxRun{
		Format: outboxFormat, DAGID: run.DAGID, RunID: run.RunID, Conf: conf, Note: cutNote(run.Note),
		LogicalDate: micro(run.LogicalDate), RunAfter: micro(run.RunAfter), PartitionKey: run.PartitionKey,
		Route: route, Environment: environment,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the run: %w", err)
	}
	return data, nil
}

// micro is a time as Airflow keeps it, empty for none. It always has six digits after the
// point: datetime.fromisoformat of Python before 3.11 reads three or six, and no other.
func micro(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
}

// cutNote is a note of at most [airflow.MaxNote] characters.
func cutNote(note string) string {
	if runes := []rune(note); len(runes) > airflow.MaxNote {
		return string(runes[:airflow.MaxNote])
	}
	return note
}

// outbox checks an environment that is a topic: it has no other settings.
func (c *checker) outbox() {
	if _, err := pubsub.ParseTopic(c.spec.Outbox); err != nil {
		c.problem(FieldOutbox, "write it as projects/PROJECT/topics/TOPIC", "is %.200q, which %v", c.spec.Outbox, err)
	}
	s := c.spec
	for _, given := range []struct {
		field string
		is    bool
	}{
		{FieldComposer, s.Composer != ""}, {FieldURL, s.URL != ""}, {FieldAPI, s.API != ""}, {FieldAuth, s.Auth != ""},
		{FieldIAPClientID, s.IAPClientID != ""}, {FieldAudience, s.Audience != ""}, {FieldUsername, s.Username != ""},
		{FieldPassword, s.Password != ""}, {FieldPasswordFile, s.PasswordFile != ""},
		{FieldToken, s.Token != ""}, {FieldTokenFile, s.TokenFile != ""},
		{FieldOAuth2TokenURL, s.OAuth2TokenURL != ""}, {FieldOAuth2ClientID, s.OAuth2ClientID != ""},
		{FieldOAuth2ClientSecret, s.OAuth2ClientSecret != ""}, {FieldOAuth2ClientSecretFile, s.OAuth2ClientSecretFile != ""},
		{FieldOAuth2Scope, s.OAuth2Scope != ""}, {FieldHeaders, s.Headers != ""}, {FieldHeadersFile, s.HeadersFile != ""},
		{FieldClientCertFile, s.ClientCertFile != ""}, {FieldClientKeyFile, s.ClientKeyFile != ""},
		{FieldInsecure, s.Insecure}, {FieldTimeout, s.Timeout != 0}, {FieldMaxInFlight, s.MaxInFlight != 0},
	} {
		if given.is {
			c.problem(given.field, "leave one of the two out: no request is sent to an environment with "+c.name(FieldOutbox),
				"and %s are both given", c.name(FieldOutbox))
		}
	}
}
