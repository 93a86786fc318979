// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// target is an Airflow that scenarios run against: the embedded one or a real one.
type target struct {
	name    string
	url     string
	release string            // such as 2.11.2
	tokens  map[string]string // of Airflow 3, by user
	ids     *strings.Replacer // of Airflow 3: ID(sales) and the like become an asset's id there
	// now is the target's clock, and tick lets a moment pass by it.
	now  func() time.Time
	tick func()
}

// The callers.
const (
	admin   = "admin"
	viewer  = "viewer"
	nobody  = "nobody"             // no credentials
	wrong   = "wrong"              // a wrong password, or a token of another's making
	expired = "expired"            // a token that was good
	basic   = "basic on Airflow 3" // a good name and password, where tokens are asked for
)

// credentials are a user's, as the target takes them: a token on Airflow 3, a
// name and a password on 2.
func (w *target) credentials(user string) credentials {
	password := user
	switch {
	case user == nobody:
		return ""
	case w.tokens != nil && user != basic:
		return credentials("Bearer " + w.tokens[user])
	case user == wrong || user == basic:
		user = admin
	}
	if password == basic {
		password = admin
	}
	return credentials("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// credentials is a header's value, or empty.
type credentials string

func (c credentials) Kind() string {
	kind, _, _ := strings.Cut(strings.ToLower(string(c)), " ")
	if kind == "" {
		return "none"
	}
	return kind
}

func (c credentials) Authorize(req *http.Request) error {
	if c != "" {
		req.Header.Set("Authorization", string(c))
	}
	return nil
}

func (credentials) Answered(*http.Request, *airflow.Error) bool { return false }

// polls are moments, one each time that the caller looks, for so long at most.
func (w *target) polls(bound time.Duration) iter.Seq[int] {
	return func(yield func(int) bool) {
		end := w.now().Add(bound)
		for i := 0; w.now().Before(end) && yield(i); i++ {
			w.tick()
		}
	}
}

// standIn is the embedded Airflow that is nearest to a release.
func standIn(release string) airflowsim.Version {
	switch {
	case airflowreal.CompareVersions(release, "3.0.0") < 0:
		return airflowsim.Airflow211
	case airflowreal.CompareVersions(release, "3.4.0a0") < 0:
		return airflowsim.Airflow33
	}
	return airflowsim.Airflow34
}

// embedded starts an embedded Airflow with the DAGs and users of airflowreal,
// standing as setUp leaves them there.
func embedded(t *testing.T, s setup) *target {
	t.Helper()
	var offset atomic.Int64 // of its clock
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	version := standIn(s.release)
	sim, err := airflowsim.New(airflowsim.Config{
		Version: version, Auth: s.sim, ExperimentalAPI: s.experimental, Now: now,
		AllowTriggerInFuture: s.future, Assets: embeddedAssets(version),
		Users: []airflowsim.User{
			{Name: admin, Password: admin, Role: airflowsim.Admin},
			{Name: viewer, Password: viewer, Role: airflowsim.Viewer},
		},
		DAGs: []airflowsim.DAG{
			{ID: airflowreal.PlainDAG, Paused: true}, {ID: airflowreal.PausedDAG, Paused: true},
			{ID: airflowreal.TypedDAG, Paused: true, Params: typedParams}, {ID: airflowreal.StrictDAG, Paused: true, Params: strictDAGParams},
			{ID: airflowreal.LaterDAG, Paused: true, StartDate: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
			{ID: airflowreal.ScheduledDAG, NoManualRuns: true}, {ID: airflowreal.RecordDAG},
			// Airflow 3 takes a file that no longer parses for one that has gone.
			{ID: airflowreal.BrokenDAG, Paused: true, ImportError: "Traceback", Stale: version != airflowsim.Airflow211},
			{ID: airflowreal.RetiredDAG, Stale: true},
			{ID: airflowreal.DrainDAG}, {ID: airflowreal.DrainedDAG}, {ID: airflowreal.UnpausedDAG},
			{ID: airflowreal.MakeAssetDAG, Paused: true}, {ID: airflowreal.OnAssetDAG, Paused: true},
			{ID: airflowreal.MakeBothDAG}, {ID: airflowreal.OnOrdersDAG},
			{ID: airflowreal.MakePartsDAG}, {ID: airflowreal.OnPartsDAG, Partitioned: true},
		},
		Unknown: func(r *http.Request) { t.Errorf("the embedded Airflow has no route for %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	w := &target{name: "embedded", url: server.URL, release: version.Release(), now: now}
	w.tick = func() { offset.Add(int64(time.Second / 2)) }
	if version != airflowsim.Airflow211 {
		offset.Store(int64(-48 * time.Hour)) // a token lasts a day
		old := login(t, w, admin)
		offset.Store(0)
		w.tokens = map[string]string{admin: login(t, w, admin), viewer: login(t, w, viewer), wrong: "x.y.z", expired: old}
		w.ids = assetIDs(t, w)
	}
	return w
}

const typedParams = `{
	"region": {"default": "eu", "type": "string", "enum": ["eu", "us"]},
	"rows": {"default": 1, "type": "integer", "minimum": 0, "maximum": 1000}
}`

const strictDAGParams = `{
	"day": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"},
	"code": {"default": null, "type": ["null", "string"], "minLength": 1, "maxLength": 3},
	"source": {"default": {"bucket": "acme"}, "type": "object", "required": ["bucket"], "additionalProperties": false,
		"properties": {"bucket": {"type": "string"}, "size": {"type": "integer", "minimum": 0}}}
}`

// realTarget is a real Airflow as a target.
func realTarget(t *testing.T, a *airflowreal.Airflow) *target {
	t.Helper()
	ticker := time.NewTicker(time.Second / 5)
	t.Cleanup(ticker.Stop)
	w := &target{name: "real", url: a.URL, release: a.Version, now: time.Now, tick: func() { <-ticker.C }}
	if strings.HasPrefix(a.Version, "3.") {
		good := login(t, w, admin)
		w.tokens = map[string]string{admin: good, viewer: login(t, w, viewer), wrong: "x.y.z", expired: expire(t, good)}
		w.ids = assetIDs(t, w)
	}
	return w
}

// assetIDs finds the ids of assets, which depend on the order in which the DAGs were read.
func assetIDs(t *testing.T, w *target) *strings.Replacer {
	t.Helper()
	var answer struct {
		Assets []struct {
			ID  int
			URI string
		}
	}
	text := w.send(t, http.MethodGet, "/api/v2/assets?uri_pattern=dagtrigger", "")
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("the assets: %v in %s", err, text)
	}
	var ids []string
	for name, uri := range map[string]string{"sales": airflowreal.AssetURI, "both": airflowreal.BothURI, "orders": airflowreal.OrdersURI} {
		for _, a := range answer.Assets {
			if a.URI == uri {
				ids = append(ids, "ID("+name+")", strconv.Itoa(a.ID))
			}
		}
	}
	if len(ids) != 6 {
		t.Fatalf("an asset is missing: %s", text)
	}
	return strings.NewReplacer(ids...)
}

// setUp pauses the DAGs whose runs are to stay as they were made.
func setUp(t *testing.T, w *target) {
	t.Helper()
	api := "/api/v1/dags/"
	if w.tokens != nil {
		api = "/api/v2/dags/"
	}
	for _, dag := range []string{
		airflowreal.PlainDAG, airflowreal.TypedDAG, airflowreal.StrictDAG, airflowreal.LaterDAG, airflowreal.BrokenDAG,
		airflowreal.MakeAssetDAG, airflowreal.OnAssetDAG,
	} {
		text := w.send(t, http.MethodPatch, api+dag, `{"is_paused": true}`)
		if !strings.Contains(strings.ReplaceAll(text, " ", ""), `"is_paused":true`) {
			t.Fatalf("%s is not paused: %s", dag, text)
		}
	}
}

// send makes a plain request as admin.
func (w *target) send(t *testing.T, method, path, body string) string {
	t.Helper()
	p := newPlay(t, w, 0, scenario{})
	s := ask(method, path).sending(body).as(admin)
	if path == "/auth/token" {
		s.user = nobody
	}
	if _, err := s.call(t.Context(), p, s); err != nil {
		t.Fatal(err)
	}
	return string(p.recorder.text)
}

// login gets a token.
func login(t *testing.T, w *target, user string) string {
	t.Helper()
	text := w.send(t, http.MethodPost, "/auth/token", `{"username":"`+user+`","password":"`+user+`"}`)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Token == "" {
		t.Fatalf("no token for %s: %s", user, text)
	}
	return answer.Token
}

// jwtSecret signs the real Airflow's tokens, so that a test can make an old one.
const jwtSecret = "a secret of sixty-four characters, for the tests of the contract"

// expire is a token as it would have been two days earlier (airflow/api_fastapi/auth/tokens.py).
func expire(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatalf("reading the token: %v", err)
	}
	for _, name := range []string{"iat", "nbf", "exp"} {
		claims[name] = int64(claims[name].(float64)) - int64((48 * time.Hour).Seconds())
	}
	if text, err = json.Marshal(claims); err != nil {
		t.Fatal(err)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(text)
	mac := hmac.New(sha512.New, []byte(jwtSecret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
