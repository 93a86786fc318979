// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // so that a time zone means the same on every machine

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Directive is a part of a layout of format_date and date.
type Directive struct {
	Name, Doc string
	write     func(t time.Time) string
	// read reads the beginning of text, and returns the rest of it and false where
	// it does not begin so.
	read func(d *dateParts, text string) (rest string, ok bool)
}

// Directives are those of the layouts of format_date and date. They are Python's,
// see https://docs.python.org/3/library/datetime.html#format-codes.
func Directives() []Directive { return slices.Clone(directives) }

var directives = []Directive{
	{"%Y", "the year, 2026", layout("2006"), digits(4, 4, func(d *dateParts) *int { return &d.year })},
	{"%y", "the year, 26", layout("06"), readShortYear},
	{"%m", "the month, 01 to 12", layout("01"), digits(1, 2, func(d *dateParts) *int { return &d.month })},
	{"%b", "the month, Jan", layout("Jan"), named(months(3), func(d *dateParts) *int { return &d.month })},
	{"%B", "the month, January", layout("January"), named(months(9), func(d *dateParts) *int { return &d.month })},
	{"%d", "the day of the month, 01 to 31", layout("02"), digits(1, 2, func(d *dateParts) *int { return &d.day })},
	{"%j", "the day of the year, 001 to 366", layout("002"), digits(1, 3, func(d *dateParts) *int { return &d.yearDay })},
	{"%H", "the hour, 00 to 23", layout("15"), digits(1, 2, func(d *dateParts) *int { return &d.hour })},
	{"%I", "the hour, 01 to 12", layout("03"), digits(1, 2, func(d *dateParts) *int { return &d.hour12 })},
	{"%p", "AM or PM", layout("PM"), named([]string{"AM", "PM"}, func(d *dateParts) *int { return &d.half })},
	{"%M", "the minute, 00 to 59", layout("04"), digits(1, 2, func(d *dateParts) *int { return &d.minute })},
	{"%S", "the second, 00 to 59", layout("05"), digits(1, 2, func(d *dateParts) *int { return &d.second })},
	{"%f", "the microsecond, 000000 to 999999",
		func(t time.Time) string { return fmt.Sprintf("%06d", t.Nanosecond()/1000) }, readFraction},
	{"%z", "the offset, +0000; date takes +00:00 and Z too", layout("-0700"), readOffset},
	{"%s", "seconds since 1970", func(t time.Time) string { return fmt.Sprint(t.Unix()) }, readEpoch},
	{"%G", "the year that most of the ISO week is in",
		func(t time.Time) string { year, _ := t.ISOWeek(); return fmt.Sprintf("%04d", year) },
		digits(4, 4, func(d *dateParts) *int { return &d.isoYear })},
	{"%V", "the ISO week, 01 to 53", func(t time.Time) string { _, week := t.ISOWeek(); return fmt.Sprintf("%02d", week) },
		digits(1, 2, func(d *dateParts) *int { return &d.isoWeek })},
	{"%u", "the day of the week, 1 (Monday) to 7", func(t time.Time) string { return fmt.Sprint((int(t.Weekday())+6)%7 + 1) },
		digits(1, 1, func(d *dateParts) *int { return &d.weekday })},
	{"%a", "the day of the week, Mon", layout("Mon"), named(weekdays(3), func(d *dateParts) *int { return &d.named })},
	{"%A", "the day of the week, Monday", layout("Monday"), named(weekdays(9), func(d *dateParts) *int { return &d.named })},
	{"%%", "%", layout("%"), func(_ *dateParts, text string) (string, bool) { return strings.CutPrefix(text, "%") }},
}

func layout(l string) func(time.Time) string {
	return func(t time.Time) string { return t.Format(l) }
}

// dateFunctions declare format_date and date. CEL can take a timestamp apart, but
// write and read it in no other form than RFC 3339, and paths are full of such forms.
func dateFunctions() []cel.EnvOption {
	text, at := cel.StringType, cel.TimestampType
	write := func(args ...ref.Val) ref.Val { return formatDate(args[0], args[1], zoneOf(args)) }
	read := func(args ...ref.Val) ref.Val { return parseDate(args[0], args[1], zoneOf(args)) }
	return []cel.EnvOption{
		cel.Function("format_date",
			cel.Overload("format_date_timestamp_string", []*cel.Type{at, text}, text, cel.FunctionBinding(write)),
			cel.Overload("format_date_timestamp_string_string", []*cel.Type{at, text, text}, text, cel.FunctionBinding(write))),
		cel.Function("date",
			cel.Overload("date_string_string", []*cel.Type{text, text}, at, cel.FunctionBinding(read)),
			cel.Overload("date_string_string_string", []*cel.Type{text, text, text}, at, cel.FunctionBinding(read))),
		// What files that were written before format_date call it.
		cel.Function("strftime",
			cel.MemberOverload("timestamp_strftime_string", []*cel.Type{at, text}, text, cel.FunctionBinding(write)),
			cel.MemberOverload("timestamp_strftime_string_string", []*cel.Type{at, text, text}, text, cel.FunctionBinding(write))),
	}
}

func zoneOf(args []ref.Val) string {
	if len(args) < 3 {
		return "UTC"
	}
	return string(args[2].(types.String))
}

// location finds a time zone by its name in the IANA database.
func location(zone string) (*time.Location, error) {
	found, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return nil, advice(bounded(zone) + " is not a known time zone: name one such as Europe/Berlin")
	}
	return found, nil
}

// directiveAt is the directive that a layout goes on with.
func directiveAt(layout string) (Directive, error) {
	at := slices.IndexFunc(directives, func(d Directive) bool { return strings.HasPrefix(layout, d.Name) })
	if at < 0 {
		return Directive{}, advice(bounded(layout[:min(2, len(layout))]) + " is not a directive of a date's layout: write one such as " +
			"%Y, %m or %d")
	}
	return directives[at], nil
}

// eachPart calls literal for the text of a layout and directive for the rest, and
// ends at the first error.
func eachPart(layout string, literal func(string) error, directive func(Directive) error) error {
	for rest := layout; rest != ""; {
		text, _, found := strings.Cut(rest, "%")
		if err := literal(text); err != nil {
			return err
		}
		if rest = rest[len(text):]; !found {
			break
		}
		d, err := directiveAt(rest)
		if err == nil {
			err = directive(d)
		}
		if err != nil {
			return err
		}
		rest = rest[len(d.Name):]
	}
	return nil
}

// formatDate writes a timestamp.
func formatDate(timestamp, layout ref.Val, zone string) ref.Val {
	in, err := location(zone)
	if err != nil {
		return types.WrapErr(err)
	}
	t := timestamp.(types.Timestamp).In(in)
	var b strings.Builder
	err = eachPart(string(layout.(types.String)),
		func(text string) error { b.WriteString(text); return nil },
		func(d Directive) error { b.WriteString(d.write(t)); return nil })
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(b.String())
}

// parseDate reads a timestamp.
func parseDate(value, layout ref.Val, zone string) ref.Val {
	in, err := location(zone)
	if err != nil {
		return types.WrapErr(err)
	}
	t, err := readDate(string(value.(types.String)), string(layout.(types.String)), in)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Timestamp{Time: t}
}

// invalidDates finds layouts and time zones that are written out and invalid, so
// that a file with them is not loaded.
func invalidDates(text string, a *ast.AST) []Problem {
	var found []Problem
	visit(a.Expr(), func(e ast.Expr) {
		if e.Kind() != ast.CallKind || !slices.Contains([]string{"date", "format_date", "strftime"}, e.AsCall().FunctionName()) {
			return
		}
		args := e.AsCall().Args()
		if !e.AsCall().IsMemberFunction() {
			args = args[min(1, len(args)):]
		}
		for i, check := range []func(string) error{checkLayout, func(zone string) error { _, err := location(zone); return err }} {
			if i >= len(args) || args[i].Kind() != ast.LiteralKind {
				continue
			}
			value, _ := args[i].AsLiteral().(types.String)
			if err := check(string(value)); err != nil {
				what, fix, _ := strings.Cut(err.Error(), ": ")
				found = append(found, Problem{Offset: offsetOf(text, a.SourceInfo().GetStartLocation(args[i].ID())), What: what, Fix: fix})
			}
		}
	})
	return found
}

func checkLayout(layout string) error {
	if !strings.Contains(layout, "%") {
		return advice(bounded(layout) + " has no directive of a date's layout: write it with such as %Y, %m and %d")
	}
	return eachPart(layout, func(string) error { return nil }, func(Directive) error { return nil })
}
