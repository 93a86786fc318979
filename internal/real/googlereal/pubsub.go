// SPDX-License-Identifier: Apache-2.0

package googlereal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// PubSub is Google's Pub/Sub emulator:
// https://cloud.google.com/pubsub/docs/emulator
type PubSub struct {
	service
	// Host is host:port, as PUBSUB_EMULATOR_HOST takes it.
	Host string
}

// NeedPubSub is a [MissingError] where this machine has no emulator.
func NeedPubSub() error {
	_, err := findPubSub()
	return err
}

// findPubSub finds the program that `gcloud beta emulators pubsub start` runs.
// gcloud itself would put it into a process group that nobody ends.
func findPubSub() (string, error) {
	if err := need("java", "install a Java runtime, version 11 or later"); err != nil {
		return "", err
	}
	if err := need("gcloud", "install the Google Cloud CLI"); err != nil {
		return "", err
	}
	gcloud, err := exec.LookPath("gcloud")
	if err == nil {
		gcloud, err = filepath.EvalSymlinks(gcloud) // SDK/bin/gcloud
	}
	if err != nil {
		return "", fmt.Errorf("finding the Google Cloud CLI: %w", err)
	}
	program := filepath.Join(filepath.Dir(gcloud), "..", "platform", "pubsub-emulator", "bin", "cloud-pubsub-emulator")
	if _, err := os.Stat(program); err != nil {
		return "", &MissingError{
			Part: "the Pub/Sub emulator", Why: program + " does not exist",
			Fix: "gcloud components install pubsub-emulator, or the Debian package google-cloud-cli-pubsub-emulator",
		}
	}
	return program, nil
}

// StartPubSub starts the emulator, and returns once it answers.
func StartPubSub(ctx context.Context) (*PubSub, error) {
	program, err := findPubSub()
	if err != nil {
		return nil, err
	}
	host, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return nil, fmt.Errorf("reading the address: %w", err)
	}
	p, err := start("pubsub-emulator", nil, program, "--host="+name, "--port="+port)
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx, "http://"+host+"/"); err != nil {
		return nil, err
	}
	return &PubSub{service: newService("http://"+host, p), Host: host}, nil
}

// CreateTopic makes a topic. Its name has three letters at least.
func (p *PubSub) CreateTopic(ctx context.Context, name string) error {
	return p.ask(ctx, http.MethodPut, "/v1/"+TopicName(name), struct{}{})
}

// TopicName is a topic's whole name.
func TopicName(name string) string { return "projects/" + Project + "/topics/" + name }

// SubscriptionName is a subscription's whole name.
func SubscriptionName(name string) string { return "projects/" + Project + "/subscriptions/" + name }

// Subscription is a subscription to make. Without Push, it is one to pull from.
type Subscription struct {
	Name  string
	Topic string
	// Push is the endpoint to push to, and Unwrapped has the message's bytes
	// pushed as they are, its metadata in headers.
	Push      string
	Unwrapped bool
	// AckDeadline is from 10 to 600 seconds; 0 means 10.
	AckDeadline time.Duration
	// Backoff is the least time between two deliveries of a message that was
	// refused, in whole seconds; 0 means at once.
	Backoff time.Duration
}

// Subscribe makes a subscription.
func (p *PubSub) Subscribe(ctx context.Context, s Subscription) error {
	body := map[string]any{"topic": TopicName(s.Topic)}
	if s.AckDeadline > 0 {
		body["ackDeadlineSeconds"] = int(s.AckDeadline.Seconds())
	}
	if s.Backoff > 0 {
		body["retryPolicy"] = map[string]string{
			"minimumBackoff": seconds(s.Backoff), "maximumBackoff": seconds(s.Backoff),
		}
	}
	if s.Push != "" {
		push := map[string]any{"pushEndpoint": s.Push}
		if s.Unwrapped {
			push["noWrapper"] = map[string]bool{"writeMetadata": true}
		}
		body["pushConfig"] = push
	}
	return p.ask(ctx, http.MethodPut, "/v1/"+SubscriptionName(s.Name), body)
}

// seconds is a duration as Google's JSON has it.
func seconds(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.3f", d.Seconds()), ".000") + "s"
}

// Publish publishes one message.
func (p *PubSub) Publish(ctx context.Context, topic string, data []byte, attributes map[string]string) error {
	message := map[string]any{"data": data, "attributes": attributes}
	return p.ask(ctx, http.MethodPost, "/v1/"+TopicName(topic)+":publish", map[string]any{"messages": []any{message}})
}
