// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"regexp"
	"testing"
	"time"

	"example.com/dagtrigger/internal/clock"
)

const day = 24 * time.Hour

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "0s": 0, "0": 0, "1500ms": 1500 * time.Millisecond,
		"2d": 2 * day, "30d": 30 * day, "1.5d": 36 * time.Hour, "1d12h": 36 * time.Hour, "12h1d": 36 * time.Hour,
		"1w": 7 * day, "2w3d": 17 * day, ".5d": 12 * time.Hour, "1.d": day, "0d": 0, "106751d": 106751 * day,
	} {
		if got, err := clock.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestParseDurationRejects(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "2", "d", "2 d", "2 days", "2days", "-2d", "+2d", "-5m", "1h-5m", "2D", "1mo", "1y", "1.2.3d", "2dd", "d2",
		"106752d", "15251w", "106751d24h", "9999999999999999999d", "106751d106751d",
	} {
		got, err := clock.ParseDuration(text)
		if err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
			continue
		}
		if want := `"` + text + `" is not a duration: write it as 90s, 5m, 12h or 2d`; err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": 0, "10m": 10 * time.Minute, "30d": 30 * day, "1h30m": 90 * time.Minute, "1d1s": day + time.Second, "1.5s": 1500 * time.Millisecond,
	} {
		if got := clock.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"2d", "1w2d3h", "1.5d", "-1d", "106751d24h"} {
		f.Add(text)
	}
	pattern := regexp.MustCompile(clock.DurationPattern)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := clock.ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := clock.ParseDuration(clock.FormatDuration(d)); err != nil || d < 0 || again != d {
			t.Errorf("%q is %v, which is written as %q, which is %v, %v", text, d, clock.FormatDuration(d), again, err)
		}
		if text != "0" && !pattern.MatchString(text) {
			t.Errorf("%q does not match the pattern", text)
		}
	})
}
