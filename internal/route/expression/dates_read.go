// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// dateParts are what a layout's directives have read. What was not read is
// negative.
type dateParts struct {
	year, month, day, yearDay  int
	hour, hour12, half         int
	minute, second, nanosecond int
	isoYear, isoWeek, weekday  int
	named                      int // the weekday's name, which decides nothing
	epoch                      int64
	hasEpoch                   bool
	location                   *time.Location
}

// readDate reads a date by a layout, as Python's strptime does: digits may be
// fewer than the directive writes, but for the year's.
func readDate(text, layout string, in *time.Location) (time.Time, error) {
	d := dateParts{year: -1, month: -1, day: -1, yearDay: -1, hour: -1, hour12: -1, half: -1, isoYear: -1, isoWeek: -1,
		weekday: -1, location: in}
	wrong := advice(fmt.Sprintf("%q is not a date of the layout %s: write the layout of what the event has, or test with matches(…)",
		bounded(text), bounded(layout)))
	rest := text
	step := func(after string, ok bool) error {
		if !ok {
			return wrong
		}
		rest = after
		return nil
	}
	err := eachPart(layout,
		func(literal string) error { return step(strings.CutPrefix(rest, literal)) },
		func(next Directive) error { return step(next.read(&d, rest)) })
	if err == nil && rest != "" {
		err = wrong
	}
	if err != nil {
		return time.Time{}, err
	}
	return d.time(text, layout)
}

// time joins the parts.
func (d *dateParts) time(text, layout string) (time.Time, error) {
	if d.hasEpoch {
		return time.Unix(d.epoch, 0).UTC(), nil
	}
	hour := max(d.hour, 0)
	if d.hour < 0 && d.hour12 >= 0 {
		hour = d.hour12%12 + 12*max(d.half-1, 0)
	}
	year, month, day := d.year, max(d.month, 1), max(d.day, 1)
	switch {
	case year < 0 && d.isoYear >= 0 && d.isoWeek >= 0:
		year, month, day = isoDay(d.isoYear, d.isoWeek, max(d.weekday, 1))
	case year < 0:
		return time.Time{}, advice("the layout " + bounded(layout) + " has no year: add %Y, %y, %s or %G with %V")
	case d.yearDay >= 0 && d.month < 0 && d.day < 0:
		month, day = 1, d.yearDay
	}
	t := time.Date(year, time.Month(month), day, hour, d.minute, d.second, d.nanosecond, d.location)
	if !d.exists(t, year, month, day) || hour > 23 || d.minute > 59 || d.second > 59 || d.hour12 > 12 || d.hour12 == 0 {
		return time.Time{}, advice(fmt.Sprintf("%q is no day or time of the calendar: fix what sends it, or test it first", bounded(text)))
	}
	return t.UTC(), nil
}

// exists reports whether the parts name a day: time.Date moves the 30th of
// February into March.
func (d *dateParts) exists(t time.Time, year, month, day int) bool {
	local := time.Date(year, time.Month(month), day, 12, 0, 0, 0, time.UTC)
	if d.yearDay >= 0 && local.YearDay() != d.yearDay || local.Year() != year {
		return false
	}
	if d.isoWeek >= 0 {
		isoYear, week := local.ISOWeek()
		return week == d.isoWeek && (d.isoYear < 0 || isoYear == d.isoYear) && d.weekday <= 7 && d.weekday != 0
	}
	return t.Year() > 0 && t.Year() < 10_000 && (d.yearDay >= 0 || int(local.Month()) == month && local.Day() == day)
}

// isoDay is the day of an ISO week: week 1 has January 4 in it.
func isoDay(year, week, weekday int) (int, int, int) {
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7)
	day := monday.AddDate(0, 0, 7*(week-1)+weekday-1)
	return day.Year(), int(day.Month()), day.Day()
}

// number reads at least least and at most most digits.
func leadingDigits(text string, least, most int) (value, count int, ok bool) {
	for count < most && count < len(text) && '0' <= text[count] && text[count] <= '9' {
		count++
	}
	if count < least {
		return 0, 0, false
	}
	value, err := strconv.Atoi(text[:count])
	return value, count, err == nil
}

func digits(least, most int, to func(*dateParts) *int) func(*dateParts, string) (string, bool) {
	return func(d *dateParts, text string) (string, bool) {
		value, count, ok := leadingDigits(text, least, most)
		if !ok {
			return text, false
		}
		*to(d) = value
		return text[count:], true
	}
}

// named reads one of names, whatever its letters' case: the first is 1.
func named(names []string, to func(*dateParts) *int) func(*dateParts, string) (string, bool) {
	return func(d *dateParts, text string) (string, bool) {
		for i, name := range names {
			if len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) {
				*to(d) = i + 1
				return text[len(name):], true
			}
		}
		return text, false
	}
}

// months are the names of the months, of at most so many letters.
func months(letters int) []string {
	names := make([]string, 12)
	for i := range names {
		name := time.Month(i + 1).String()
		names[i] = name[:min(letters, len(name))]
	}
	return names
}

func weekdays(letters int) []string {
	names := make([]string, 7)
	for i := range names {
		name := time.Weekday(i).String()
		names[i] = name[:min(letters, len(name))]
	}
	return names
}

// readShortYear reads two digits: POSIX's 69 to 99 are of the last century, as in Python.
func readShortYear(d *dateParts, text string) (string, bool) {
	value, count, ok := leadingDigits(text, 2, 2)
	if !ok {
		return text, false
	}
	d.year = 2000 + value
	if value >= 69 {
		d.year = 1900 + value
	}
	return text[count:], true
}

// readFraction reads a fraction of a second: .5 is half of one.
func readFraction(d *dateParts, text string) (string, bool) {
	value, count, ok := leadingDigits(text, 1, 6)
	if !ok {
		return text, false
	}
	d.nanosecond = value * int(math.Pow10(9-count))
	return text[count:], true
}

// readOffset reads +0100, +01:00 or Z.
func readOffset(d *dateParts, text string) (string, bool) {
	if rest, ok := strings.CutPrefix(text, "Z"); ok {
		d.location = time.UTC
		return rest, true
	}
	if len(text) < 5 || text[0] != '+' && text[0] != '-' {
		return text, false
	}
	hours, count, ok := leadingDigits(text[1:], 2, 2)
	rest := strings.TrimPrefix(text[1+count:], ":")
	minutes, more, also := leadingDigits(rest, 2, 2)
	if !ok || !also || hours > 23 || minutes > 59 {
		return text, false
	}
	seconds := 3600*hours + 60*minutes
	if text[0] == '-' {
		seconds = -seconds
	}
	d.location = time.FixedZone("", seconds)
	return rest[more:], true
}

func readEpoch(d *dateParts, text string) (string, bool) {
	value, count, ok := leadingDigits(text, 1, 11)
	if !ok {
		return text, false
	}
	d.epoch, d.hasEpoch = int64(value), true
	return text[count:], true
}
