// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // so that a time zone means the same on every machine

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Directive is a part of a format of strftime.
type Directive struct {
	Name, Doc string
	write     func(t time.Time) string
}

// Directives are what strftime writes. They are Python's, see
// https://docs.python.org/3/library/datetime.html#format-codes.
func Directives() []Directive { return slices.Clone(directives) }

var directives = []Directive{
	{"%Y", "the year, 2026", layout("2006")},
	{"%y", "the year, 26", layout("06")},
	{"%m", "the month, 01 to 12", layout("01")},
	{"%d", "the day of the month, 01 to 31", layout("02")},
	{"%j", "the day of the year, 001 to 366", layout("002")},
	{"%H", "the hour, 00 to 23", layout("15")},
	{"%M", "the minute, 00 to 59", layout("04")},
	{"%S", "the second, 00 to 59", layout("05")},
	{"%f", "the microsecond, 000000 to 999999", func(t time.Time) string { return fmt.Sprintf("%06d", t.Nanosecond()/1000) }},
	{"%z", "the offset, +0000", layout("-0700")},
	{"%s", "seconds since 1970", func(t time.Time) string { return fmt.Sprint(t.Unix()) }},
	{"%G", "the year that most of the ISO week is in", func(t time.Time) string { year, _ := t.ISOWeek(); return fmt.Sprintf("%04d", year) }},
	{"%V", "the ISO week, 01 to 53", func(t time.Time) string { _, week := t.ISOWeek(); return fmt.Sprintf("%02d", week) }},
	{"%u", "the day of the week, 1 (Monday) to 7", func(t time.Time) string { return fmt.Sprint((int(t.Weekday())+6)%7 + 1) }},
	{"%%", "%", layout("%")},
}

func layout(l string) func(time.Time) string {
	return func(t time.Time) string { return t.Format(l) }
}

// strftimeFunction declares timestamp.strftime(format), which is in UTC, and
// timestamp.strftime(format, zone). CEL can take a timestamp apart, but not
// write it in another form than RFC 3339, and paths are full of such forms.
func strftimeFunction() cel.EnvOption {
	return cel.Function("strftime",
		cel.MemberOverload("timestamp_strftime_string", []*cel.Type{cel.TimestampType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(t, format ref.Val) ref.Val { return strftime(t, format, types.String("UTC")) })),
		cel.MemberOverload("timestamp_strftime_string_string", []*cel.Type{cel.TimestampType, cel.StringType, cel.StringType}, cel.StringType,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val { return strftime(args[0], args[1], args[2]) })))
}

func strftime(timestamp, format, zone ref.Val) ref.Val {
	location, err := time.LoadLocation(string(zone.(types.String)))
	if err != nil {
		return types.WrapErr(advice(bounded(string(zone.(types.String))) + " is not a known time zone: name one such as Europe/Berlin"))
	}
	t := timestamp.(types.Timestamp).In(location)
	var b strings.Builder
	for rest := string(format.(types.String)); rest != ""; {
		literal, _, found := strings.Cut(rest, "%")
		b.WriteString(literal)
		if rest = rest[len(literal):]; !found {
			break
		}
		at := slices.IndexFunc(directives, func(d Directive) bool { return strings.HasPrefix(rest, d.Name) })
		if at < 0 {
			return types.WrapErr(advice(bounded(rest[:min(2, len(rest))]) + " is not a directive of strftime: write one such as %Y, %m or %d"))
		}
		b.WriteString(directives[at].write(t))
		rest = rest[2:]
	}
	return types.String(b.String())
}
