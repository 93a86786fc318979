// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// clockwork has the embedded Google answer inside a bubble, whose clock a test
// moves: no connection is made.
type clockwork struct{ google *googlesim.Google }

func (c clockwork) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	served := req.Clone(req.Context())
	served.Host = req.URL.Host
	if served.Body == nil {
		served.Body = http.NoBody
	}
	c.google.ServeHTTP(w, served)
	return w.Result(), nil
}

// bubble is a client of prod whose Google and Airflow live in the test's bubble.
func bubble(t *testing.T, env googlesim.Environment) (*googlesim.Google, *environment.Airflow) {
	t.Helper()
	env.Name = composerName
	g := googlesim.New(googlesim.Config{
		Accounts:     []googlesim.Account{{Email: robot, Roles: []string{"roles/composer.user"}}},
		Environments: []googlesim.Environment{env},
		Unknown:      func(r *http.Request) { t.Errorf("Google has no answer to %s", r.URL) },
	})
	return g, newClient(t, environment.Spec{Composer: composerName}, environment.Options{
		Transport: clockwork{g}, Google: identity.NewGoogle(account{g, robot}),
	})
}

const pause = time.Minute // between look-ups

func TestRecreatedEnvironmentIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, young := newAirflow(t, airflowsim.Airflow211), newAirflow(t, airflowsim.Airflow33)
		g, c := bubble(t, googlesim.Environment{Host: host2, Image: "composer-2.9.7-airflow-2.9.3", Airflow: old})
		if err := trigger(t, c, "before"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour) //nolint:forbidigo // the bubble's clock: no time passes outside
		if err := trigger(t, c, "next-day"); err != nil || g.Asked(composerAPI) != 1 {
			t.Fatalf("a day later: %v, after %d look-ups", err, g.Asked(composerAPI))
		}
		g.Change(composerName, func(e *googlesim.Environment) {
			e.Host, e.Image, e.Airflow = "9z-dot-europe-west1.composer.googleusercontent.com", "composer-3-airflow-3.1.7-build.12", young
		})
		if e, ok := errors.AsType[*airflow.Error](trigger(t, c, "after")); !ok || e.Kind != airflow.APIAbsent {
			t.Fatalf("the old address gave %v", e)
		}
		if err := trigger(t, c, "after"); err != nil {
			t.Fatal(err)
		}
		if len(old.Runs()) != 2 || len(young.Runs()) != 1 || g.Asked(composerAPI) != 2 {
			t.Errorf("%d runs on the old, %d on the new, %d look-ups", len(old.Runs()), len(young.Runs()), g.Asked(composerAPI))
		}
	})
}

func TestUpgradeIsDetectedByVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := bubble(t, googlesim.Environment{Host: host2, Image: "composer-3-airflow-2.10.5-build.26",
			Airflow: newAirflow(t, airflowsim.Airflow211)})
		if err := trigger(t, c, "before"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause) //nolint:forbidigo // the bubble's clock: no time passes outside
		g.Change(composerName, func(e *googlesim.Environment) {
			e.Image, e.Airflow = "composer-3-airflow-3.1.7-build.12", newAirflow(t, airflowsim.Airflow33)
		})
		_ = trigger(t, c, "after") // refused: v1 is gone
		if err := trigger(t, c, "after"); err != nil {
			t.Error(err)
		}
	})
}

func TestLookupIsNotRepeatedWhileTheServerIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := bubble(t, googlesim.Environment{Host: host2, Image: "composer-3-airflow-3.1.7-build.12",
			Airflow: newAirflow(t, airflowsim.Airflow33)})
		if err := trigger(t, c, "before"); err != nil {
			t.Fatal(err)
		}
		g.Fail(host2, http.StatusNotFound, "<html>")
		for i := range 120 {
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock: no time passes outside
			if err := trigger(t, c, "run"); err == nil {
				t.Fatalf("second %d: no error", i)
			}
		}
		if asked := g.Asked(composerAPI); asked < 2 || asked > 3 {
			t.Errorf("%d look-ups in two minutes", asked)
		}
		g.Fail(host2, 0, "")
		if err := trigger(t, c, "after"); err != nil {
			t.Error(err)
		}
	})
}

func TestLastAddressIsUsedWhileTheAPIIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := bubble(t, googlesim.Environment{Host: host2, Image: "composer-3-airflow-3.1.7-build.12",
			Airflow: newAirflow(t, airflowsim.Airflow33)})
		if err := trigger(t, c, "before"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause) //nolint:forbidigo // the bubble's clock: no time passes outside
		g.Fail(host2, http.StatusNotFound, "<html>")
		_ = trigger(t, c, "doubt")
		g.Fail(host2, 0, "")
		g.Fail(composerAPI, http.StatusServiceUnavailable, "")
		if err := trigger(t, c, "after"); err != nil {
			t.Error(err)
		}
		g.SetRoles(robot) // what the API says for certain is reported
		g.Fail(composerAPI, 0, "")
		time.Sleep(pause) //nolint:forbidigo // the bubble's clock: no time passes outside
		if e, ok := errors.AsType[*airflow.Error](trigger(t, c, "later")); !ok || e.Kind != airflow.NoAddress {
			t.Errorf("without permission: %v", e)
		}
	})
}

func TestCanceledLookupReturnsItsContextError(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, googlesim.Environment{Host: host2, Airflow: newAirflow(t, airflowsim.Airflow33)})
	c := newClient(t, environment.Spec{Composer: composerName}, options(g, robot))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Connection(ctx)
	if e, ok := errors.AsType[*airflow.Error](err); !ok || e.Kind != airflow.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}
