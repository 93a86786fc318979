// SPDX-License-Identifier: Apache-2.0

package deployed

import (
	"path"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/operator/gcp"
)

// accounts compares which accounts there are.
func (c *comparison) accounts() {
	for _, a := range c.plan.Accounts {
		c.resource = "account " + a.ID
		found, err := c.Cloud.Account(c.ctx, c.plan.Settings.Project, a.Email)
		if !c.reads(err, "the account", a.Email, accountViewer, c.shell(c.plan.CreateAccount(a))...) {
			continue
		}
		state := "enabled"
		if found.Disabled {
			state = "disabled"
		}
		c.compare("state", state, "enabled", c.plan.EnableAccount(a.Email).String())
	}
}

// policy is that of one resource, which is read once.
type policy struct {
	gcp.Policy
	err error
}

// roles compares who has which role, and reports further roles of the plan's own
// accounts and further callers of the function on the resources of the plan.
func (c *comparison) roles() {
	var resources []deployment.Resource
	for _, g := range c.plan.Grants {
		if g.On == deployment.EverySubscription {
			continue // with each subscription
		}
		c.resource = nameOf(g.On)
		add := deployment.Numbered(c.plan.Bind(g.On, "add-iam-policy-binding", g.Member, g.Role).String(), c.number)
		c.role(g, append(c.preconditions(g.On), add)...)
		if !slices.Contains(resources, g.On) {
			resources = append(resources, g.On)
		}
	}
	for _, on := range resources {
		c.unplanned(on)
	}
}

// nameOf is how rows name a resource.
func nameOf(on deployment.Resource) string { return on.Kind + " " + path.Base(on.Name) }

// preconditions are the commands that create a resource which is missing, and which no
// step of the plan creates.
func (c *comparison) preconditions(on deployment.Resource) (commands []string) {
	at := slices.IndexFunc(c.plan.Preconditions, func(p deployment.Precondition) bool { return p.On == on })
	if at < 0 || !isMissing(c.policy(on).err) {
		return nil
	}
	for _, create := range c.plan.Preconditions[at].Create {
		commands = append(commands, create.String())
	}
	return commands
}

// role compares one role.
func (c *comparison) role(g deployment.Grant, fix ...string) {
	what := g.Role + " of " + c.plan.Who(g.Member)
	if member := deployment.Numbered(g.Member, ""); member != g.Member && c.numberErr != nil {
		c.reads(c.numberErr, what, "given", projectViewer)
		return
	}
	p := c.policy(g.On)
	if !c.reads(p.err, what, "given", policyViewer, fix...) {
		return
	}
	always, conditionally := p.Has(deployment.Numbered(g.Member, c.number), g.Role)
	deployed := ""
	switch {
	case always:
		deployed = "given"
	case conditionally:
		deployed = "given under a condition"
	}
	c.compare(what, deployed, "given", fix...)
}

// unplanned reports members of a resource's policy that the plan does not name.
func (c *comparison) unplanned(on deployment.Resource) {
	p := c.policy(on)
	if p.err != nil {
		return
	}
	c.resource = nameOf(on)
	for _, b := range p.Bindings {
		for _, member := range b.Members {
			ours := slices.ContainsFunc(c.plan.Accounts, func(a deployment.Account) bool { return member == "serviceAccount:"+a.Email })
			calls := on.Kind == "service" && b.Role == "roles/run.invoker"
			planned := slices.ContainsFunc(c.plan.Grants, func(g deployment.Grant) bool {
				return g.On == on && g.Role == b.Role && deployment.Numbered(g.Member, c.number) == member
			})
			what := b.Role + " of " + strings.TrimPrefix(member, "serviceAccount:")
			switch {
			case planned || !ours && !calls || b.Condition != nil:
			case calls && len(c.plan.Settings.Elsewhere) > 0:
				c.info(what, "given") // the sender of events from elsewhere
			default:
				c.add(what, "given", "", Unplanned, c.plan.Bind(on, "remove-iam-policy-binding", member, b.Role).String())
			}
		}
	}
}

// policy reads the policy of a resource.
func (c *comparison) policy(on deployment.Resource) policy {
	if p, ok := c.policies[on]; ok {
		return p
	}
	var p policy
	s := c.plan.Settings
	switch on.Kind {
	case "project":
		p.Policy, p.err = c.Cloud.ProjectPolicy(c.ctx, on.Name)
	case "bucket":
		p.Policy, p.err = c.Cloud.BucketPolicy(c.ctx, on.Name)
	case "secret":
		p.Policy, p.err = c.Cloud.SecretPolicy(c.ctx, s.Project, on.Name)
	case "service":
		p.Policy, p.err = c.Cloud.ServicePolicy(c.ctx, s.Project, s.Region, on.Name)
	default: // a topic or a subscription, by its full name
		p.Policy, p.err = c.Cloud.TopicPolicy(c.ctx, on.Name)
	}
	c.policies[on] = p
	return p
}
