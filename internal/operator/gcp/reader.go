// SPDX-License-Identifier: Apache-2.0

// Package gcp reads resources of Google Cloud by their REST APIs: functions, services
// of Cloud Run, triggers, subscriptions, notifications, accounts and policies, as far
// as the operator's tools look at them. It changes nothing.
package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/rest"
)

// Reader reads with the credentials of its client.
type Reader struct {
	// HTTP sends the requests. It adds the credentials, and follows no redirect.
	HTTP *http.Client
	// UserAgent names this program to Google.
	UserAgent string
	// Once sends each request once, in place of up to four times where Google says
	// that it may succeed later.
	Once bool
}

// RefusedError is about a request that an API answered with another status than 200.
type RefusedError struct {
	Host string
	Code int // the HTTP status
	// Disabled says that the API is not enabled in the project.
	Disabled bool
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%s answers %d", e.Host, e.Code) }

// Get reads the resource at an address of one of Google's APIs into answer. The error
// is a [*RefusedError] where the API refuses, and a [*cause.Error] where there are no
// credentials.
func (r *Reader) Get(ctx context.Context, address string, answer any) error {
	return r.call(ctx, http.MethodGet, address, nil, answer)
}

func (r *Reader) call(ctx context.Context, method, address string, body, answer any) error {
	at, err := url.Parse(address)
	if err != nil {
		return errors.New("its address cannot be written")
	}
	client := rest.Client{HTTP: r.HTTP, Root: at.Scheme + "://" + at.Host, UserAgent: r.UserAgent, Once: r.Once}
	err = client.Call(ctx, rest.Request{Method: method, Path: at.EscapedPath(), Query: at.Query()}, body, answer)
	if err == nil {
		return nil
	}
	if met, ok := errors.AsType[*cause.Error](err); ok {
		return met
	}
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		return &RefusedError{Host: at.Host, Code: refused.Code, Disabled: IsDisabled(err)}
	}
	if _, large := errors.AsType[*rest.TooLargeError](err); large || errors.Is(err, rest.ErrNotGoogle) {
		return fmt.Errorf("%s answers other than in its API's JSON", at.Host)
	}
	return fmt.Errorf("%s does not answer", at.Host)
}

// List reads all pages of the list at an address, which is the member of that name.
func List[T any](ctx context.Context, r *Reader, address, member string) ([]T, error) {
	var all []T
	for token := ""; ; {
		var page map[string]json.RawMessage
		if err := r.Get(ctx, address+"?pageToken="+url.QueryEscape(token), &page); err != nil {
			return nil, err
		}
		var some []T
		if err := json.Unmarshal(page[member], &some); err != nil && page[member] != nil {
			return nil, errors.New("its list cannot be read")
		}
		all = append(all, some...)
		token = ""
		if err := json.Unmarshal(page["nextPageToken"], &token); err != nil || token == "" {
			return all, nil // the last page names no next one
		}
	}
}

// Triggers lists Eventarc's triggers of a project, in all locations.
func (r *Reader) Triggers(ctx context.Context, project string) ([]Trigger, error) {
	return List[Trigger](ctx, r, "https://eventarc.googleapis.com/v1/projects/"+project+"/locations/-/triggers", "triggers")
}

// Subscriptions lists the subscriptions of a project.
func (r *Reader) Subscriptions(ctx context.Context, project string) ([]Subscription, error) {
	return List[Subscription](ctx, r, "https://pubsub.googleapis.com/v1/projects/"+project+"/subscriptions", "subscriptions")
}

// PubSub reads a topic or a subscription by its full name.
func (r *Reader) PubSub(ctx context.Context, name string, answer any) error {
	return r.Get(ctx, "https://pubsub.googleapis.com/v1/"+name, answer)
}
