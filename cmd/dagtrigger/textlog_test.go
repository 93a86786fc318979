// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTextLogIsForPeople(t *testing.T) {
	t.Parallel()
	outcome := []any{
		"outcome", "triggered", "route", "sales", "environment", "prod", "dag_id", "load", "dag_run_id", "dagtrigger__sales__1", "cause", "",
		"reason", "Airflow created the run", "event_id", "7", "event_source", "//storage/acme", "event_type", "x", "event_subject",
		"objects/eu.csv", "age_seconds", 1.5, "duration_seconds", 0.25, "count", 1,
	}
	rejected := append([]any{}, outcome...)
	rejected[1], rejected[13] = "rejected", "400 no such\nparam"
	for _, row := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"an outcome", func(l *slog.Logger) { l.Info("event triggered", outcome...) },
			"00:00:00  event triggered: route sales, environment prod, DAG load, run dagtrigger__sales__1\n" +
				"          event 7 of //storage/acme, objects/eu.csv\n"},
		{"an outcome that needs somebody", func(l *slog.Logger) { l.Error("event rejected", rejected...) },
			"00:00:00  ERROR event rejected: route sales, environment prod, DAG load, run dagtrigger__sales__1\n" +
				"          event 7 of //storage/acme, objects/eu.csv\n          400 no such\n          param\n"},
		{"several outcomes", func(l *slog.Logger) { l.Warn("event deferred", "route", "sales", "count", 450) },
			"00:00:00  WARNING event deferred: route sales, count 450\n"},
		{"anything else", func(l *slog.Logger) { l.With("a", 1).Warn("routes loaded", "file", "routes.yaml", "empty", "") },
			"00:00:00  WARNING routes loaded: a 1, file routes.yaml\n"},
		{"below the level", func(l *slog.Logger) { l.Debug("unheard") }, ""},
		{"what others wrote", func(l *slog.Logger) { l.Info("x", "route", "a\n00:00:00  event triggered") },
			"00:00:00  x: route a\\u000a00:00:00  event triggered\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				row.log(onTerminal(&out, 0).log(logText)(slog.LevelInfo))
				want := strings.ReplaceAll(row.want, "00:00:00", time.Now().Format(time.TimeOnly)) // the bubble's clock stands
				if out.String() != want {
					t.Errorf("got\n%swant\n%s", out.String(), want)
				}
			})
		})
	}
}

func TestLogIsJSONOffATerminal(t *testing.T) {
	t.Parallel()
	for _, format := range []string{logAuto, logJSON} {
		var out strings.Builder
		onTerminal(&out, 0).log(format)(slog.LevelInfo).Info("starting")
		if !strings.HasPrefix(out.String(), `{"time":`) {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
