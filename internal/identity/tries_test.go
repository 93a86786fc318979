// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

var (
	wrongPassword = &airflow.Error{Kind: airflow.Unauthorized, API: airflow.V1, Status: 401, Source: airflow.FromAirflow,
		Said: "Unauthorized", Hint: "check it"}
	noRole = &airflow.Error{Kind: airflow.Forbidden, API: airflow.V2, Status: 403, Source: airflow.FromAirflow, Said: "Forbidden",
		Hint: "add it"}
	down = &airflow.Error{Kind: airflow.ServerFailure, Status: 503}
)

// user sends requests with basic credentials to a scripted web server, and
// counts those that arrive.
type user struct {
	*testing.T
	credentials *identity.Credentials
	answer      func(dag string) *airflow.Error
	takes       time.Duration // each request

	mu   sync.Mutex
	sent int
}

func newUser(t *testing.T, password *identity.Secret, answer func(dag string) *airflow.Error) *user {
	t.Helper()
	return &user{T: t, credentials: credentialsOf(t, &identity.Basic{Username: "robot", Password: password}), answer: answer}
}

// trigger sends one request, and returns why it was not sent, nil where it was.
func (u *user) trigger(ctx context.Context, dag string) *airflow.Error {
	u.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, airflowURL+"/api/v2/dags/"+dag+"/dagRuns", nil)
	if err != nil {
		u.Fatal(err)
	}
	if err := u.credentials.Authorize(req); err != nil {
		held, ok := errors.AsType[*airflow.Error](err)
		if !ok {
			u.Fatalf("error = %v", err)
		}
		return held
	}
	u.mu.Lock()
	u.sent++
	u.mu.Unlock()
	time.Sleep(u.takes) //nolint:forbidigo // the bubble's clock: no time passes outside
	u.credentials.Answered(req, u.answer(dag))
	return nil
}

func (u *user) triggerMany(n int, dag string) {
	var group sync.WaitGroup
	for range n {
		group.Go(func() { _ = u.trigger(u.Context(), dag) })
	}
	group.Wait()
}

func always(e *airflow.Error) func(string) *airflow.Error {
	return func(string) *airflow.Error { return e }
}

func TestRefusedPasswordIsRetriedAFewTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, identity.NewSecret("old", ""), always(wrongPassword))
		u.takes = 50 * time.Millisecond
		u.triggerMany(80, "load")
		if u.sent != 1 {
			t.Fatalf("80 at once sent %d", u.sent)
		}
		held := u.trigger(t.Context(), "load")
		want := "not sent: these credentials were refused 0s ago, and are tried again in 30s or when their secret changes; the refusal " +
			"was: Unauthorized"
		if held == nil || held.Kind != airflow.Unauthorized || held.Status != 0 || held.Said != want || held.Hint != "check it" ||
			held.RetryAfter < 29*time.Second {
			t.Errorf("held = %+v", held)
		}
		for range 30 * 60 {
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock: no time passes outside
			u.triggerMany(5, "load")
		}
		if u.sent > 7 {
			t.Errorf("%d tries in half an hour", u.sent)
		}
	})
}

func TestRefusedPasswordIsRetriedAFewTimesOverManyDAGs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, identity.NewSecret("old", ""), always(wrongPassword))
		for i := range 200 {
			_ = u.trigger(t.Context(), fmt.Sprint("dag", i%20))
		}
		if u.sent != 2 {
			t.Errorf("%d tries", u.sent)
		}
	})
}

func TestRotatedPasswordIsRetriedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var refusal *airflow.Error
		u := newUser(t, identity.NewSecret("old", ""), func(string) *airflow.Error { return refusal })
		u.triggerMany(10, "load")
		refusal = wrongPassword
		time.Sleep(2 * time.Minute) //nolint:forbidigo // the bubble's clock: no time passes outside
		u.takes = time.Second
		u.triggerMany(80, "load")
		if u.sent != 11 {
			t.Errorf("%d tries after ten good ones", u.sent-10)
		}
	})
}

func TestHealthyStartWaitsForOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, identity.NewSecret("good", ""), always(nil))
		u.takes = time.Second
		began := time.Now()
		u.triggerMany(80, "load")
		if took := time.Since(began); u.sent != 80 || took != 2*time.Second {
			t.Errorf("%d requests in %v", u.sent, took)
		}
	})
}

func TestChangedSecretEndsThePauseAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	u := newUser(t, identity.NewSecret("", path), always(wrongPassword))
	_ = u.trigger(t.Context(), "load")
	if u.trigger(t.Context(), "load") == nil {
		t.Fatal("the old password is sent again")
	}
	write("new-password")
	u.answer = always(nil)
	if held := u.trigger(t.Context(), "load"); held != nil {
		t.Errorf("the new password is not sent: %v", held)
	}
	if held := u.trigger(t.Context(), "load"); held != nil || u.sent != 3 {
		t.Errorf("%d sent, held = %v", u.sent, held)
	}
}

// A role that is missing for one DAG delays the events of no other.
func TestRefusalForOneDAGDelaysNoOther(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*airflow.Error{"Airflow 3": noRole, "Airflow 2": wrongPassword} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := newUser(t, identity.NewSecret("good", ""), func(dag string) *airflow.Error {
					if dag == "secret" {
						return refusal
					}
					return nil
				})
				for range 100 {
					_ = u.trigger(t.Context(), "secret")
					if held := u.trigger(t.Context(), "load"); held != nil {
						t.Fatalf("held = %v", held)
					}
				}
				if u.sent != 101 {
					t.Errorf("%d sent, want 100 and one", u.sent)
				}
			})
		})
	}
}

// A server that is down says nothing about the credentials: the next request
// takes the place of the one that failed.
func TestFailureOfTheServerIsNotARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, identity.NewSecret("good", ""), always(down))
		u.triggerMany(5, "load")
		if u.sent != 5 {
			t.Errorf("%d sent", u.sent)
		}
	})
}

func TestWaitForTheFirstAnswerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, identity.NewSecret("good", ""), always(nil))
		u.takes = time.Minute
		var group sync.WaitGroup
		group.Go(func() { _ = u.trigger(t.Context(), "load") })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		held := u.trigger(ctx, "load")
		if held == nil || !strings.HasPrefix(held.Said, "waiting for the first answer to these credentials: ") {
			t.Errorf("held = %v", held)
		}
		group.Wait()
	})
}

// The caller of a refused request may change its error: what is held back
// reports the refusal as it was.
func TestRefusalIsReturnedUnchanged(t *testing.T) {
	t.Parallel()
	refusal := *wrongPassword
	u := newUser(t, identity.NewSecret("p", ""), always(&refusal))
	_ = u.trigger(t.Context(), "load") // refused
	refusal.Said = "changed"
	if held := u.trigger(t.Context(), "load"); held == nil || !strings.HasSuffix(held.Said, "the refusal was: Unauthorized") {
		t.Errorf("got %v", held)
	}
}
