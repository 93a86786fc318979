// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// repr is Python's repr() of a JSON value, as Airflow's messages quote them.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return reprString(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = repr(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *object:
		items := make([]string, len(v.keys))
		for i, key := range v.keys {
			items[i] = reprString(key) + ": " + repr(v.vals[key])
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func reprString(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0x7f && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// pretty is pprint.pformat(v, width=72, sort_dicts=False), without its
// breaking of long strings.
func pretty(v any, indent, allowance int) string {
	const width = 72
	line := repr(v)
	if len(line) <= width-indent-allowance {
		return line
	}
	var items []string
	var open, end string
	switch v := v.(type) {
	case []any:
		open, end = "[", "]"
		for i, item := range v {
			items = append(items, pretty(item, indent+1, after(i, len(v), allowance)))
		}
	case *object:
		open, end = "{", "}"
		for i, key := range v.keys {
			name := reprString(key) + ": "
			items = append(items, name+pretty(v.vals[key], indent+1+len(name), after(i, len(v.keys), allowance)))
		}
	default:
		return line
	}
	return open + strings.Join(items, ",\n"+strings.Repeat(" ", indent+1)) + end
}

// after is the width that must stay behind item i of n: a comma, or the closing bracket and what follows it.
func after(i, n, allowance int) int {
	if i == n-1 {
		return allowance + 1
	}
	return 1
}

// isoformat is datetime.isoformat() with sep between date and time:
// microseconds only where there are any, and the offset in full.
func isoformat(t time.Time, sep string) string {
	layout := "2006-01-02" + sep + "15:04:05"
	if t.Nanosecond() >= int(time.Microsecond) {
		layout += ".000000"
	}
	return t.Format(layout + "-07:00")
}

// iso is a time on v1 and the experimental API, null where it is zero.
func iso(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return isoformat(t, "T")
}

// isoZ is a time on v2, which spells UTC as Z.
func isoZ(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return strings.Replace(isoformat(t, "T"), "+00:00", "Z", 1)
}
