// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Text is the whole plan for a person: what must exist, why, and the commands.
func (p *Plan) Text() string {
	var b strings.Builder
	b.WriteString("What must exist for " + p.Settings.Routes + "\n")
	p.writeGaps(&b)
	p.writeFunction(&b)
	p.writeSources(&b)
	p.writeJobs(&b)
	section(&b, "Accounts and their roles, no more than each needs")
	for _, email := range []string{p.Settings.RuntimeEmail(), p.Settings.InvokerEmail()} {
		does := "it is there already"
		if at := slices.IndexFunc(p.Accounts, func(a Account) bool { return a.Email == email }); at >= 0 {
			does = p.Accounts[at].Does
		}
		p.writeMember(&b, "serviceAccount:"+email, email, does)
	}
	p.writeMember(&b, pubsubAgent, "Pub/Sub's own account", "")
	p.writeMember(&b, storageAgent, "Cloud Storage's own account", "")
	p.writePreconditions(&b)
	section(&b, "Topics, each with a subscription that keeps its messages")
	for _, t := range p.Topics {
		row(&b, t.Name, t.Why)
	}
	section(&b, "Every subscription that delivers to the "+p.Settings.platform())
	row(&b, "dead-letter-topic="+p.Settings.Undelivered(), "else an event that is not delivered in time is dropped")
	for _, v := range p.Delivery {
		row(&b, v.Name+"="+v.Value, v.Why)
	}
	if len(p.Alerts) > 0 {
		section(&b, "Alerts")
	}
	for _, a := range p.Alerts {
		row(&b, a.Name, a.Why+" ("+a.File+")")
	}
	section(&b, "APIs")
	for _, a := range p.APIs {
		row(&b, a.Name, a.Why)
	}
	section(&b, "What you should know")
	for _, n := range p.Notes {
		b.WriteString(folded(n.Text, "  "))
		if n.Command != nil {
			b.WriteString("    " + n.Command.lines("    ") + "\n")
		}
	}
	if len(p.Gaps) == 0 {
		section(&b, "The commands, in their order")
		b.WriteString("\n" + p.Commands())
	}
	return b.String()
}

func (p *Plan) writeGaps(b *strings.Builder) {
	if len(p.Gaps) == 0 {
		return
	}
	section(b, "Missing: these routes would get no events, or could not list their files")
	for _, g := range p.Gaps {
		b.WriteString(folded(g.String(), "  "))
	}
}

func (p *Plan) writePreconditions(b *strings.Builder) {
	if len(p.Preconditions) == 0 {
		return
	}
	section(b, "What must exist already, and the commands that would create it")
	for _, c := range p.Preconditions {
		row(b, "the "+c.On.Kind+" "+c.On.Name, c.Why)
		for _, command := range c.Create {
			b.WriteString("    " + command.lines("    ") + "\n")
		}
	}
}

func (p *Plan) writeFunction(b *strings.Builder) {
	section(b, "The "+p.Settings.platform()+" "+p.Function.Name)
	for _, v := range p.Function.Values {
		row(b, v.Name+"="+v.Value, v.Why)
	}
	for _, v := range p.Function.Variables {
		row(b, v.Name+"="+v.Value, v.Why)
	}
	for _, v := range p.Function.Secrets {
		row(b, v.Name+"="+v.Value, v.Why)
	}
}

func (p *Plan) writeSources(b *strings.Builder) {
	heading, delivers := "Triggers, one for each source", "it pushes to the function, for "
	if p.Settings.Pull {
		heading, delivers = "Subscriptions to pull from, one for each topic", "it is pulled from, for "
	}
	section(b, heading)
	for _, s := range p.Sources {
		row(b, cmp.Or(s.Trigger, s.Subscription, "the function's own"), s.String()+", for "+strings.Join(s.Routes, ", "))
	}
	for _, n := range p.Notifications {
		row(b, "notifications to "+n.Topic, n.String()+", for "+strings.Join(n.Routes, ", "))
	}
	for _, s := range p.Subscriptions {
		row(b, "your subscription "+s.Name, delivers+strings.Join(s.Routes, ", "))
	}
}

// writeJobs writes the jobs of Cloud Scheduler, and how they repeat what fails.
func (p *Plan) writeJobs(b *strings.Builder) {
	if len(p.Jobs) == 0 {
		return
	}
	section(b, "Jobs of Cloud Scheduler, which call the function")
	for _, j := range p.Jobs {
		row(b, j.Name, j.Schedule+" in "+p.Settings.TimeZone+", for "+strings.Join(j.Routes, ", "))
	}
	for _, v := range Retrying() {
		row(b, v.Name+"="+v.Value, v.Why)
	}
}

// writeMember writes who somebody is, and what they may do.
func (p *Plan) writeMember(b *strings.Builder, member, name, does string) {
	var rows strings.Builder
	for _, g := range p.Grants {
		if g.Member == member {
			row(&rows, "  "+g.Role, "on the "+g.On.Kind+" "+g.On.Name+": "+g.Why)
		}
	}
	if rows.Len() > 0 {
		row(b, name, does)
		b.WriteString(rows.String())
	}
}

func section(b *strings.Builder, title string) { fmt.Fprintf(b, "\n%s\n", title) }

// row writes a name, and beside it or below what is said of it.
func row(b *strings.Builder, name, text string) {
	const column = 36
	if text == "" {
		b.WriteString("  " + name + "\n")
		return
	}
	indent := strings.Repeat(" ", column)
	lines := strings.TrimPrefix(folded(text, indent), indent)
	if len(name) > column-4 {
		b.WriteString("  " + name + "\n" + indent + lines)
		return
	}
	fmt.Fprintf(b, "  %-*s%s", column-2, name, lines)
}

// folded is text on lines of a readable length, each after indent.
func folded(text, indent string) string {
	const most = 110
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0 || column+1+len(word) > most:
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(indent)
			column = len(indent)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\n"
}

// Commands are the commands in their order, each below a line that says what it
// does. They can be pasted into a shell one after the other. Unlike [Script]
// they do not look whether something is there already.
func (p *Plan) Commands() string {
	var b strings.Builder
	for _, s := range p.Steps() {
		b.WriteString("# " + s.What + "\n" + s.Shell() + "\n")
	}
	return b.String()
}

// Shell is the step's command for a shell.
func (s Step) Shell() string {
	switch {
	case s.Else != "":
		return s.Sets + "=$(" + s.Do.String() + " || echo " + s.Else + ")"
	case s.Sets != "":
		return s.Sets + "=$(" + s.Do.String() + ")"
	default:
		return s.Do.String()
	}
}
