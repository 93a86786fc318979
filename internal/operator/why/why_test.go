// SPDX-License-Identifier: Apache-2.0

package why_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/operator/why"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// sources are a bucket with three generations of gs://acme/a, uploaded at 9, 10 and 11,
// and a log. Airflow is down.
func sources(t *testing.T, log ...outcomelog.Line) *why.Sources {
	t.Helper()
	storage := googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request %s", r.URL) }, "acme")
	storage.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("versions") != "true" || r.URL.Query().Get("prefix") != "a" {
			return false
		}
		var items []string
		for _, hour := range []int{9, 10, 11} {
			items = append(items, fmt.Sprintf(`{"bucket":"acme","name":"a","generation":"%d","timeCreated":"2026-11-30T%02d:00:00Z"}`, hour, hour))
		}
		_, _ = w.Write([]byte(`{"items":[` + strings.Join(items, ",") + `,{"bucket":"acme","name":"a.csv","generation":"1"}]}`))
		return true
	})
	return &why.Sources{
		Current: why.Routes{Name: "DAG_ID", Table: route.Default("d", "default")},
		Bucket: func(name string) uploads.Bucket {
			return uploads.Bucket{Name: name, Client: &http.Client{Transport: storage}}
		},
		Airflow: func(context.Context, string) (*airflow.Client, error) { return nil, errors.New("down") },
		ReadLog: func(_ context.Context, _ outcomelog.Filter, yield func(*outcomelog.Line)) error {
			for i := range log {
				yield(&log[i])
			}
			return nil
		},
		LogCommand: outcomelog.Filter.String,
		Quote:      func(text string) string { return text },
		Now:        now,
	}
}

func at(clock string) time.Time {
	moment, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, 30, moment.Hour(), moment.Minute(), 0, 0, time.UTC)
}

func TestTheGenerationThatWasMeantIsFound(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, generation, at, want string }{
		{"the newest", "", "", "gs://acme/a#11"},
		{"a generation", "9", "", "gs://acme/a#9"},
		{"one that is gone", "8", "", "gs://acme/a"},
		{"a time", "", "10:30", "gs://acme/a#10"},
		{"the minute of the upload", "", "10:00", "gs://acme/a#10"},
		{"before all", "", "08:00", "gs://acme/a"},
	} {
		q := why.Question{Bucket: "acme", Object: "a", Generation: row.generation}
		if row.at != "" {
			q.At = at(row.at)
		}
		answer, err := sources(t).Find(t.Context(), q)
		if err != nil || answer.Event.Name != row.want {
			t.Errorf("%s: %+v, %v, want %s", row.name, answer, err, row.want)
		}
	}
}

// uploaded is the line of an outcome at a time, of the upload of gs://acme/a so many
// minutes before, whose routes are gone: its run id says nothing.
func uploaded(id, outcome, clock string, minutes int) outcomelog.Line {
	return outcomelog.Line{
		Time: at(clock).Format(time.RFC3339), AgeSeconds: float64(minutes * 60), Outcome: outcome, EventID: id, RunID: "other",
		Source: "//storage.googleapis.com/projects/_/buckets/acme", Subject: "objects/a", Type: "google.cloud.storage.object.v1.finalized",
	}
}

func TestDeliveriesAreThoseOfTheGeneration(t *testing.T) {
	t.Parallel()
	message := uploaded("6", "triggered", "11:00", 0)
	message.Subject = "objects/b"
	removed := uploaded("7", "triggered", "11:00", 0)
	removed.Type = "google.cloud.storage.object.v1.deleted"
	sum := uploaded("8", "triggered", "11:00", 0)
	sum.Count = 3
	shadow := uploaded("9", "", "11:00", 0)
	s := sources(t, message, removed, sum, shadow,
		uploaded("5", "unmatched", "11:00", 0), uploaded("4", "deferred", "11:30", 90), uploaded("3", "deferred", "10:00", 0),
		uploaded("2", "unmatched", "09:00", 0), uploaded("1", "unmatched", "08:00", 0))
	for generation, want := range map[string]string{"11": "11:00 unmatched", "10": "10:00 deferred 11:30 deferred", "9": "09:00 unmatched"} {
		answer, err := s.Find(t.Context(), why.Question{Bucket: "acme", Object: "a", Generation: generation})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range answer.Deliveries {
			got = append(got, d.Time[11:16]+" "+d.Outcome)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("generation %s: deliveries %q, want %q", generation, got, want)
		}
	}
}

// An object that the bucket no longer has is found by the log alone, near the time.
func TestLinesOfAnObjectThatIsGoneAreThoseOfTheTime(t *testing.T) {
	t.Parallel()
	s := sources(t, uploaded("1", "unmatched", "06:30", 0), uploaded("2", "deferred", "08:10", 0), uploaded("3", "unmatched", "09:30", 0))
	answer, err := s.Find(t.Context(), why.Question{Bucket: "acme", Object: "a", Generation: "8", At: at("08:00")})
	if err != nil || len(answer.Deliveries) != 1 || answer.Deliveries[0].Outcome != "deferred" {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestAnIDIsFoundByTheLog(t *testing.T) {
	t.Parallel()
	answer, err := sources(t, uploaded("4", "deferred", "10:20", 20)).Find(t.Context(), why.Question{ID: "4"})
	if err != nil || answer.Event.Name != "gs://acme/a#10" || len(answer.Deliveries) != 1 {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestAnEventIsFoundAmongTheExamplesOfALine(t *testing.T) {
	t.Parallel()
	sum := uploaded("", "unmatched", "10:00", 0)
	sum.RunID, sum.Source, sum.Type, sum.Subject, sum.Count = "", "", "", "", 300
	one := uploaded("4", "", "10:00", 0)
	for _, id := range []string{"3", "4", "5"} {
		sum.Examples = append(sum.Examples, outcomelog.Example{EventID: id, Source: one.Source, Type: one.Type, Subject: one.Subject})
	}
	for _, row := range []struct {
		name       string
		question   why.Question
		deliveries int
	}{
		{"an example, and so its object", why.Question{ID: "4"}, 3},
		{"one that is only counted", why.Question{ID: "6"}, 0},
		{"the object of all examples", why.Question{Bucket: "acme", Object: "a", Generation: "10"}, 3},
	} {
		answer, err := sources(t, sum).Find(t.Context(), row.question)
		if err != nil || len(answer.Deliveries) != row.deliveries {
			t.Errorf("%s: %+v, %v, want %d deliveries", row.name, answer, err, row.deliveries)
		}
	}
}

func TestWhatCannotBeReadIsANote(t *testing.T) {
	t.Parallel()
	s := sources(t)
	s.ReadLog = func(context.Context, outcomelog.Filter, func(*outcomelog.Line)) error { return errors.New("no role") }
	answer, err := s.Find(t.Context(), why.Question{Bucket: "acme", Object: "a", Generation: "9"})
	if err != nil || len(answer.Routes) != 1 || answer.Routes[0].Ending != why.Unknown || fmt.Sprint(answer.Notes) != "[no role]" {
		t.Errorf("%+v, %v", answer, err)
	}
	if !strings.Contains(answer.LogCommand, `jsonPayload.event_subject="objects/a"`) {
		t.Errorf("the query is %s", answer.LogCommand)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Find(ctx, why.Question{ID: "1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}
