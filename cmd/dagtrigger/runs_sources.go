// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/dagruns"
	"example.com/dagtrigger/internal/route"
)

// runSources are the DAGs to look at for the runs of a route, or of all, and what keeps a
// route's runs from being listed.
func runSources(c *config.Config, only string) (sources []dagruns.Source, cannot []unlisted, err error) {
	list := &sourceList{}
	if c.File == nil {
		if only != "" && only != defaultRoute {
			return nil, nil, noRoute(only)
		}
		list.add(dagruns.Source{Environment: config.DefaultEnvironment, DAG: c.DAGID}, dagruns.Route{Name: defaultRoute})
		return list.sources, nil, nil
	}
	environment := config.DefaultEnvironment
	for name := range c.File.Environments {
		environment = name // where there are several, each route names its own
	}
	found := only == ""
	for i := range c.File.Routes {
		spec := &c.File.Routes[i]
		if spec.Shadow.On() || only != "" && spec.Name.Value != only {
			continue
		}
		found = true
		list.route(spec, cmp.Or(spec.Environment.Value, environment))
	}
	if !found {
		return nil, nil, noRoute(only)
	}
	return list.sources, list.cannot, nil
}

func noRoute(name string) error {
	return fmt.Errorf("no live route is named %q: name another one", name)
}

type sourceList struct {
	sources []dagruns.Source
	cannot  []unlisted
}

// route adds the DAGs of a route. A disabled one may have started runs.
func (l *sourceList) route(spec *route.Spec, environment string) {
	cannot := func(format string, args ...any) {
		l.cannot = append(l.cannot, unlisted{Route: spec.Name.Value, Reason: fmt.Sprintf(format, args...)})
	}
	r := dagruns.Route{Name: spec.Name.Value}
	if spec.RunIDExact.IsSet() {
		r.Exact = true
		r.Begin, _, _ = strings.Cut(spec.RunIDExact.Value, "${")
		if r.Begin == "" {
			cannot("its run ids are its senders' (run_id_exact), and tell nothing of the route: see its DAG in Airflow")
			return
		}
		cannot("its runs are those whose ids begin with %q (run_id_exact), also where somebody else started them", r.Begin)
	}
	if asset := spec.AssetName(); asset != "" {
		switch {
		case !spec.Materialize.On():
			cannot("it publishes events of the asset %s: Airflow names the runs that it starts for them", asset)
		case strings.Contains(asset, "${"):
			cannot("its asset is computed, and so the DAG that makes it is not known here")
		default:
			l.add(dagruns.Source{Environment: environment, Asset: asset}, r)
		}
		return
	}
	for _, id := range spec.Starts() {
		l.add(dagruns.Source{Environment: environment, DAG: id}, r)
	}
	for _, id := range spec.DAGs {
		if strings.Contains(id.Value, "*") {
			cannot("its DAG may be any that matches %s: of a pattern in dags no runs are listed", id.Value)
		}
	}
}

// add adds a route to a DAG, which is looked at once for all.
func (l *sourceList) add(s dagruns.Source, r dagruns.Route) {
	for i := range l.sources {
		if other := &l.sources[i]; other.Environment == s.Environment && other.DAG == s.DAG && other.Asset == s.Asset {
			other.Routes = append(other.Routes, r)
			return
		}
	}
	s.Routes = []dagruns.Route{r}
	l.sources = append(l.sources, s)
}
