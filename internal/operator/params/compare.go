// SPDX-License-Identifier: Apache-2.0

package params

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/route/nearest"
)

// Difference is where a conf and the Params of a DAG do not fit.
type Difference struct {
	File string // of the Param, with Line; empty where it has none
	Line int
	Text string
}

// Differences are what keeps the Params from taking each conf of the contract, and the
// members of the conf that have no Param, in the order of the conf.
func (c Contract) Differences(declared map[string]Param) []Difference {
	var all []Difference
	names := slices.Sorted(maps.Keys(declared))
	given := map[string]bool{}
	for _, m := range c.Conf {
		given[m.Name] = true
		p, found := declared[m.Name]
		if !found {
			text := "conf." + m.Name + " has no Param: add " + quoted(m.Name) + ": " + param(m)
			if near := nearest.Of(m.Name, names...); near != "" {
				text = "conf." + m.Name + " has no Param: did you mean " + near + "?"
			}
			all = append(all, Difference{Text: text})
			continue
		}
		if what := p.refuses(m); what != "" {
			all = append(all, Difference{p.File, p.Line, "conf." + m.Name + " " + what})
		}
	}
	for _, name := range names {
		if p := declared[name]; !given[name] && !p.Computed && !HasDefault(p.Param) {
			all = append(all, Difference{p.File, p.Line, "the Param " + name + " has no default that it takes, and the conf does not give it"})
		}
	}
	return all
}

// Changes are the Params that a file declares otherwise than Airflow reports them.
func Changes(declared, reported map[string]Param) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		known, found := reported[name]
		switch p := declared[name]; {
		case !found:
			all = append(all, "Airflow does not have the Param "+name)
		case !equal(p.Schema, known.Schema):
			all = append(all, fmt.Sprintf("Airflow has the Param %s with the schema %s", name, known.Schema))
		case !p.Computed && !equal(p.Value, known.Value):
			all = append(all, fmt.Sprintf("Airflow has the Param %s with another default", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(reported)) {
		if _, found := declared[name]; !found {
			all = append(all, "Airflow has a Param "+name+", which the file does not")
		}
	}
	return all
}

// equal compares JSON; none is null.
func equal(a, b json.RawMessage) bool {
	var x, y any
	_, _ = json.Unmarshal(a, &x), json.Unmarshal(b, &y)
	return reflect.DeepEqual(x, y)
}

// refuses says what the Param refuses about a member; empty where nothing is known
// against it.
func (p Param) refuses(m Member) string {
	var s schema
	if len(p.Schema) == 0 || json.Unmarshal(p.Schema, &s) != nil {
		return ""
	}
	return s.refuses(m)
}

func (s *schema) refuses(m Member) string {
	switch {
	case m.Literal:
		var value any
		_ = json.Unmarshal([]byte(m.Text), &value) // null stands for nothing at all
		return s.complain(value)
	case m.Type.Schema == "":
		return ""
	case !s.takes(m.Type.Schema):
		return fmt.Sprintf("is %s, and has to be %s", m.Type.Schema, s.types())
	case len(m.Members) == 0:
		return ""
	}
	given := map[string]bool{}
	for _, member := range m.Members {
		given[member.Name] = true
		property, declared := s.Properties[member.Name]
		switch {
		case !declared && s.AdditionalProperties == false:
			return "has " + member.Name + ", which it may not"
		case declared:
			if what := property.refuses(member); what != "" {
				return "has " + member.Name + ", which " + what
			}
		}
	}
	for _, name := range s.Required {
		if !given[name] {
			return "lacks " + name
		}
	}
	return ""
}

// HasDefault reports whether a Param's default will do where conf has no
// value. Airflow reports one without a default as null.
func HasDefault(param airflow.Param) bool {
	return len(param.Value) > 0 && complaint(param.Schema, param.Value) == ""
}

// Misfit says what Airflow would refuse in a conf; a key that is not declared
// it takes. It is empty where nothing is known against the conf.
func Misfit(declared map[string]airflow.Param, conf []byte) string {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(conf, &values); err != nil {
		return "its conf is not a JSON object"
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		value, given := values[name]
		switch {
		case !given && !HasDefault(declared[name]):
			return "the Param " + name + " has no value"
		case given:
			if what := complaint(declared[name].Schema, value); what != "" {
				return "the Param " + name + " " + what
			}
		}
	}
	return ""
}
