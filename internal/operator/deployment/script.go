// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	_ "embed"
	"fmt"
	"strings"
)

// The variables of the scripts that the operator sets, and what follows from them.
const (
	composerVariable        = "COMPOSER_ENVIRONMENT"
	composerProjectVariable = "COMPOSER_PROJECT"
)

// variable is one of a script's, at its top.
type variable struct{ name, preset, meaning string }

// shell puts the variables of a script in the place of what they stand for.
// Nothing else of the plan changes.
func (p *Plan) shell() Plan {
	s := p.Settings
	s.Project, s.Region, s.Function, s.Routes, s.Source, s.Channel = "$PROJECT", "$REGION", "$FUNCTION", "$ROUTES", "$SOURCE", "$CHANNEL"
	if !s.Connected {
		s.Composer = []string{"$" + composerVariable}
	}
	if s.Image != "" {
		s.Image = "$IMAGE"
	}
	return build(s, found{sources: p.Sources, notifications: p.Notifications, subscriptions: p.Subscriptions,
		scheduledJobs: p.Jobs, gaps: p.Gaps})
}

// names are the variables from which all names follow, with what the plan was
// made for. A placeholder is no preset: the script then asks for a value.
func (p *Plan) names() []variable {
	s := p.Settings
	all := []variable{
		{"PROJECT", known(s.Project, "PROJECT"), "the project to deploy to"},
		{"REGION", known(s.Region, "REGION"), "the region of the function, that of Airflow for best"},
		{"FUNCTION", s.Function, "the function, and how all other names begin"},
	}
	if !s.Connected {
		all = append(all, variable{composerVariable, known(s.Composer[0], "/environments/ENVIRONMENT"), "projects/P/locations/L/environments/E"})
	}
	return all
}

// known is a value that was given, and empty for one that a placeholder stands in.
func known(value, placeholder string) string {
	if strings.Contains(value, placeholder) {
		return ""
	}
	return value
}

// inputs are the variables that say what is deployed.
func (p *Plan) inputs() []variable {
	s := p.Settings
	of := variable{versionVariable, "", "what the function calls itself; what git says where it is empty"}
	if s.Image != "" {
		of = variable{"IMAGE", known(s.Image, "/REPOSITORY/"), "the container to deploy"}
	}
	return []variable{
		of,
		{"ROUTES", s.Routes, "the file of routes that this script was made for"},
		{"SOURCE", s.Source, "a clone of the repository"},
		{"CHANNEL", s.Channel, "the channel that alerts are sent to: projects/P/notificationChannels/N; empty for none"},
	}
}

// optional are the variables that may be empty.
func optional(name string) bool { return name == "CHANNEL" || name == versionVariable }

//go:embed deploy.sh.txt
var deployBody string

// queryFunction is a shell function of both scripts.
//
//go:embed query.sh.txt
var queryFunction string

//go:embed undeploy.sh.txt
var undeployBody string

// Script is a script that carries the plan out. It is safe to run again: it
// creates what is missing, and sets the rest again. It must not be made of a plan
// with gaps.
func (p *Plan) Script() string {
	inner := p.shell()
	var b strings.Builder
	writeHead(&b, "Deploys dagtrigger, the "+p.Settings.platform()+" that starts DAG runs, for the routes in "+p.Settings.Routes+".",
		"dagtrigger deploy plan "+p.Settings.Routes+p.flagged()+" --format script", append(p.names(), p.inputs()...))
	b.WriteString(strings.Replace(deployBody, "DIGEST", p.Settings.Digest, 1) + queryFunction)
	if !p.Settings.Connected {
		fmt.Fprintf(&b, "%s=${%s#projects/}\n%[1]s=${%[1]s%%%%/*}\n", composerProjectVariable, composerVariable)
	}
	b.WriteString("# What is looked up on the way.\n")
	for _, name := range looked(inner.Steps()) {
		b.WriteString(name + "=\n")
	}
	for _, s := range inner.Steps() {
		b.WriteString("\nsay " + quoted(s.What) + "\n")
		verb := map[Retry]string{NoRetry: "run", RetryOnce: "retry_once", RetryForMinutes: "retry"}[s.Retry]
		switch {
		case s.Sets != "":
			if s.Else != "" {
				b.WriteString(`[ -n "$` + s.Sets + `" ] || `)
			}
			b.WriteString("look " + s.Sets + " " + s.Do.lines("  "))
			if s.Else != "" {
				b.WriteString(" || " + s.Sets + "=" + s.Else)
			}
			b.WriteString("\n")
		case s.Missing != "":
			writeRequired(&b, s)
		case s.Unless != nil:
			fmt.Fprintf(&b, "exists %s ||\n  %s %s\n", s.Unless.lines("  "), verb, s.Do.lines("  "))
		default:
			fmt.Fprintf(&b, "%s %s\n", verb, s.Do.lines("  "))
		}
	}
	inner.writeStale(&b)
	b.WriteString("\nsay \"Done. Upload an object or publish a message, and see how it ends:\"\n" +
		"printf '%s' \"gcloud logging read 'resource.labels." + p.logLabel() + "=$FUNCTION jsonPayload.outcome:*'\" \\\n" +
		"  \" --project=$PROJECT --freshness=10m --format='value(jsonPayload.outcome,jsonPayload.reason)'\"\n" +
		"printf '\\n'\n")
	return b.String()
}

// writeRequired ends the script where something that it does not create is missing.
func writeRequired(b *strings.Builder, s Step) {
	fmt.Fprintf(b, "is_there %s || {\n  say %s\n", s.Do.lines("  "), quoted(s.Missing))
	for _, command := range s.Create {
		fmt.Fprintf(b, "  show %s\n", command.lines("    "))
	}
	b.WriteString("  exit 1\n} >&2\n")
}

// writeStale reports triggers, or subscriptions that were pulled from, whose source the
// routes no longer name. They are not deleted, for events may wait there.
func (p *Plan) writeStale(b *strings.Builder) {
	what, list, remove := "trigger", p.triggers(), "gcloud eventarc triggers delete"
	var needed []string
	for _, s := range p.Sources {
		needed = append(needed, s.Trigger+s.Subscription)
	}
	if p.Settings.Pull {
		what, list, remove = "subscription", p.labelled(), "gcloud pubsub subscriptions delete"
		for _, t := range p.Topics {
			needed = append(needed, t.Name)
		}
	}
	b.WriteString("\nif [ -z \"$dry\" ]; then\n  LIST=$(" + list.lines("    ") + ")\n")
	b.WriteString("  for FOUND in $LIST; do\n    case \"$FOUND\" in\n")
	for _, name := range needed {
		if name != "" { // the function's own trigger is not listed
			b.WriteString("    */" + quoted(name) + ") ;;\n")
		}
	}
	b.WriteString("    *)\n      say \"No route needs this " + what + " any more. Delete it when nothing waits there:\"\n" +
		"      show " + remove + " \"$FOUND\"\n      ;;\n    esac\n  done\nfi\n")
}

// looked are the variables that steps have to look up, each once.
func looked(steps []Step) (names []string) {
	for _, s := range steps {
		if s.Sets != "" && s.Else == "" {
			names = with(names, s.Sets)
		}
	}
	return names
}

// UndoScript is a script that takes away what [Plan.Script] has made, and
// nothing else.
func (p *Plan) UndoScript() string {
	inner := p.shell()
	var b strings.Builder
	writeHead(&b, "Takes away what deploy.sh has made for the routes in "+p.Settings.Routes+", and nothing else.",
		"dagtrigger deploy plan "+p.Settings.Routes+p.flagged()+" --format undo", p.names())
	b.WriteString(undeployBody + queryFunction)
	if !p.Settings.Connected {
		fmt.Fprintf(&b, "%s=${%s#projects/}\n%[1]s=${%[1]s%%%%/*}\n", composerProjectVariable, composerVariable)
	}
	for _, c := range inner.Preconditions {
		b.WriteString("\nsay " + quoted("The "+c.On.Kind+" "+c.On.Name+" stays, with the dead letters in it.") + "\n")
	}
	for _, u := range inner.Undos() {
		indent := ""
		b.WriteString("\n")
		if u.Keeps {
			b.WriteString("if [ -n \"$letters\" ]; then\n")
			indent = "  "
		}
		b.WriteString(indent + "say " + quoted("Remove "+u.What+".") + "\n")
		if u.Is != "" {
			fmt.Fprintf(&b, "%sif is %s \\\n%[1]s  %[3]s; then\n", indent, quoted(u.Is), u.Where.lines(indent+"  "))
			fmt.Fprintf(&b, "%s  run %s\n%[1]sfi\n", indent, u.Do.lines(indent+"    "))
		} else {
			fmt.Fprintf(&b, "%sLIST=$(names %s)\n", indent, u.Where.lines(indent+"  "))
			fmt.Fprintf(&b, "%[1]sfor %[2]s in $LIST; do\n%[1]s  run %[3]s\n%[1]sdone\n", indent, foundVariable, u.Do.lines(indent+"    "))
		}
		if u.Keeps {
			b.WriteString("fi\n")
		}
	}
	return b.String()
}

// writeHead writes what both scripts begin with.
func writeHead(b *strings.Builder, does, made string, variables []variable) {
	b.WriteString("#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\n#\n# " + does + "\n# Made by: " + made + "\n")
	b.WriteString("set -euo pipefail\n\n# What is yours to say, here or in the environment.\n")
	for _, v := range variables {
		if v.preset == "" && !optional(v.name) {
			fmt.Fprintf(b, "%s=${%[1]s:?set %[1]s: %s}\n", v.name, v.meaning)
			continue
		}
		fmt.Fprintf(b, "%s=${%[1]s:-%s} # %s\n", v.name, v.preset, v.meaning)
	}
	b.WriteString("\n")
}
