// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// answering returns an Airflow whose web server answers one path, and shouts at any other.
func answering(t *testing.T, major int, scheduled bool, path string, status int, body string) *Airflow {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			t.Errorf("asked for %s, want %s", r.URL.Path, path)
		}
		var login struct{ Username, Password string }
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&login); err != nil || login.Username != "admin" || login.Password != "admin" {
				t.Errorf("logged in as %+v, %v", login, err)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	a := &Airflow{URL: server.URL, Version: "3.9.1", scheduled: scheduled}
	a.settings.major = major
	return a
}

func TestUnhealthyNamesTheFirstUnreadyPart(t *testing.T) {
	t.Parallel()
	const (
		v1, v2     = "/health", "/api/v2/monitor/health"
		web        = `{"metadatabase":{"status":"healthy"},"scheduler":{"status":null},"dag_processor":{"status":null}}`
		schedules  = `{"metadatabase":{"status":"healthy"},"scheduler":{"status":"healthy"},"dag_processor":{"status":null}}`
		everything = `{"metadatabase":{"status":"healthy"},"scheduler":{"status":"healthy"},"dag_processor":{"status":"healthy"}}`
	)
	for _, row := range []struct {
		what      string
		major     int
		scheduled bool
		path      string
		status    int
		body      string
		want      string
	}{
		{"2: web server", 2, false, v1, 200, web, ""},
		{"2: no scheduler yet", 2, true, v1, 200, web, `scheduler is ""`},
		{"2: with scheduler", 2, true, v1, 200, schedules, ""},
		{"3: web server", 3, false, v2, 200, web, ""},
		{"3: no processor yet", 3, true, v2, 200, schedules, `dag_processor is ""`},
		{"3: with all", 3, true, v2, 200, everything, ""},
		{"3: no database", 3, false, v2, 200, `{"metadatabase":{"status":"unhealthy"}}`, `metadatabase is "unhealthy"`},
		{"3: starting", 3, false, v2, 503, "", "GET /api/v2/monitor/health: 503 Service Unavailable"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			a := answering(t, row.major, row.scheduled, row.path, row.status, row.body)
			if got := a.unhealthy(t.Context()); got != row.want {
				t.Errorf("unhealthy: %q, want %q", got, row.want)
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	a := answering(t, 3, false, "/auth/token", http.StatusCreated, `{"access_token":"a.b.c"}`)
	if token, err := a.Token(t.Context(), admin); err != nil || token != "a.b.c" {
		t.Errorf("token %q, %v", token, err)
	}
	a = answering(t, 3, false, "/auth/token", http.StatusUnauthorized, `{"detail":"Invalid credentials"}`)
	if _, err := a.Token(t.Context(), admin); err == nil || err.Error() != "getting a token for admin: POST /auth/token: 401 Unauthorized" {
		t.Errorf("error %v", err)
	}
	a.settings.major, a.Version = 2, "2.11.2"
	if _, err := a.Token(t.Context(), admin); err == nil ||
		err.Error() != "getting a token: Airflow 2.11.2 has none: use basic authentication" {
		t.Errorf("error %v", err)
	}
}
