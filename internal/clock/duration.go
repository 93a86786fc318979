// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
)

// DurationForms are examples of what [ParseDuration] accepts, for errors and help.
const DurationForms = "90s, 5m, 12h or 2d"

// DurationPattern is a regular expression that everything that [ParseDuration]
// accepts matches, except a bare 0. It also matches numbers with two points.
const DurationPattern = `^([0-9.]+(ns|us|µs|ms|s|m|h|d|w))+$`

// day and week are of fixed length: a duration knows no change of the clock.
const (
	day  = 24 * time.Hour
	week = 7 * day
)

var valid = regexp.MustCompile(DurationPattern)

// longUnits matches numbers of days and weeks, which [time.ParseDuration] lacks.
var longUnits = regexp.MustCompile(`([0-9]+\.?[0-9]*|\.[0-9]+)([dw])`)

// ParseDuration is [time.ParseDuration] with days (d, 24 hours) and weeks (w), and
// without signs. Every flag, variable and key that takes a duration reads it so.
// The error quotes the text, and says what to write.
func ParseDuration(text string) (time.Duration, error) {
	invalid := fmt.Errorf("%q is not a duration: write it as %s", text, DurationForms)
	if text != "0" && !valid.MatchString(text) {
		return 0, invalid
	}
	var total time.Duration
	add := func(d, times time.Duration) {
		if total < 0 || d > (math.MaxInt64-total)/times {
			total = -1
			return
		}
		total += d * times
	}
	rest := longUnits.ReplaceAllStringFunc(text, func(term string) string {
		times := day / time.Hour
		if strings.HasSuffix(term, "w") {
			times = week / time.Hour
		}
		if d, err := time.ParseDuration(term[:len(term)-1] + "h"); err == nil {
			add(d, times)
		} else {
			total = -1 // too large
		}
		return ""
	})
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, invalid
		}
		add(d, 1)
	}
	if total < 0 {
		return 0, invalid
	}
	return total, nil
}

// FormatDuration writes d as [ParseDuration] reads it, without units that are zero:
// 30d, 1h30m, 10m.
func FormatDuration(d time.Duration) string {
	if d < 0 || d%time.Second != 0 {
		return d.String()
	}
	var b strings.Builder
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d %= unit.length
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}
