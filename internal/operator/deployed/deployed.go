// SPDX-License-Identifier: Apache-2.0

// Package deployed compares what is deployed in Google Cloud with a plan: each setting
// of the function, the routes, the triggers, the subscriptions, the accounts and the
// roles, with the commands that set right what differs.
//
// It changes nothing. What it may not read is a row that names the role for it, and
// keeps nothing else from being read. No value of a variable is shown that the plan
// does not set.
package deployed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/operator/gcp"
)

// Status is how a row ended.
type Status string

// The statuses. Same and Info alone leave nothing to do.
const (
	Same       Status = "same"
	Differs    Status = "differs"
	Missing    Status = "missing"    // planned, and not deployed
	Unplanned  Status = "unplanned"  // deployed, and not planned
	Unreadable Status = "unreadable" // this account may not read it, or nothing answers
	Info       Status = "info"       // nothing is planned, such as when it was deployed
)

// Row compares one thing.
type Row struct {
	Resource string `json:"resource"` // such as "function dagtrigger"
	What     string `json:"what"`     // of the resource
	Deployed string `json:"deployed"`
	Planned  string `json:"planned"`
	Status   Status `json:"status"`
	// Commands set it right, or let it be read, in their order.
	Commands []string `json:"commands,omitempty"`
}

// Report is all rows, those of a resource after one another.
type Report struct {
	// Same reports whether everything was read and is as planned.
	Same bool  `json:"same"`
	Rows []Row `json:"rows"`
}

// Target is what is compared.
type Target struct {
	Plan *deployment.Plan // without gaps and placeholders
	// Texts are those of the routes file and the shadow file by the variable that
	// holds them.
	Texts map[string]string
	Cloud *gcp.Reader
	// Member is who reads, as IAM's commands name it; empty where that is not known.
	Member string
}

// Compare reads what is deployed. It fails only where there are no credentials, or ctx
// has ended.
func Compare(ctx context.Context, t Target) (Report, error) {
	c := &comparison{ctx: ctx, Target: t, plan: t.Plan, policies: map[deployment.Resource]policy{}}
	c.number, c.numberErr = t.Cloud.Number(ctx, t.Plan.Settings.Project)
	for _, part := range []func(){c.function, c.triggers, c.subscriptions, c.notifications, c.jobs, c.topics, c.accounts, c.roles} {
		part()
		if ctx.Err() != nil {
			return Report{}, ctx.Err()
		}
		if c.failed != nil {
			return Report{}, c.failed
		}
		if c.terraform() {
			break
		}
	}
	return Report{Same: !slices.ContainsFunc(c.rows, Row.Open), Rows: grouped(c.rows)}, nil
}

// grouped are the rows with those of a resource after one another.
func grouped(rows []Row) []Row {
	order := map[string]int{}
	for _, row := range rows {
		if _, ok := order[row.Resource]; !ok {
			order[row.Resource] = len(order)
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return order[a.Resource] - order[b.Resource] })
	return rows
}

// terraformLabel is on everything that Terraform's provider creates, unless it is
// configured otherwise (add_terraform_attribution_label in
// https://github.com/hashicorp/terraform-provider-google/blob/main/website/docs/guides/provider_reference.html.markdown).
const terraformLabel = "goog-terraform-provisioned"

// terraform reports whether Terraform has deployed the function, and adds the row that
// says so: its module delivers by other resources than the plan, which its own plan
// compares.
func (c *comparison) terraform() bool {
	if c.deployed.Labels[terraformLabel] != "true" {
		return false
	}
	c.resource = "delivery and roles"
	c.info("deployed by", "Terraform: terraform plan compares the rest")
	return true
}

// Open reports whether something is left to do.
func (r Row) Open() bool { return r.Status != Same && r.Status != Info }

// comparison is one call of [Compare].
type comparison struct {
	Target
	ctx  context.Context
	plan *deployment.Plan
	rows []Row
	// failed ends the comparison: nothing can be read.
	failed error
	// resource is what further rows are about.
	resource  string
	number    string // the project's
	numberErr error

	deployed gcp.Function // zero where there is none, or it may not be read
	service  gcp.Service
	hidden   []string // the full names of Eventarc's subscriptions that do
	policies map[deployment.Resource]policy
}

// compare adds a row.
func (c *comparison) compare(what, deployed, planned string, fix ...string) {
	c.judge(what, deployed, planned, deployed == planned, fix...)
}

// judge adds a row of values that may be the same in other words.
func (c *comparison) judge(what, deployed, planned string, same bool, fix ...string) {
	status := Same
	switch {
	case same:
		fix = nil
	case deployed == "":
		status = Missing
	case planned == "":
		status = Unplanned
	default:
		status = Differs
	}
	c.add(what, deployed, planned, status, fix...)
}

func (c *comparison) add(what, deployed, planned string, status Status, commands ...string) {
	c.rows = append(c.rows, Row{c.resource, what, deployed, planned, status, commands})
}

func (c *comparison) info(what, deployed string) {
	if deployed != "" {
		c.add(what, deployed, "", Info)
	}
}

// reads reports whether something was read. If not, it adds the row that says why:
// missing, with the commands that create it, or unreadable without the role.
func (c *comparison) reads(err error, what, planned, role string, create ...string) bool {
	refused, _ := errors.AsType[*gcp.RefusedError](err)
	met, noCredentials := errors.AsType[*cause.Error](err)
	switch {
	case err == nil:
		return true
	case noCredentials:
		c.failed = met
	case isMissing(err):
		c.add(what, "", planned, Missing, create...)
	case refused != nil && refused.Disabled:
		c.add(what, fmt.Sprintf("not readable: %s is not enabled", refused.Host), planned, Unreadable, c.plan.EnableAPI(refused.Host).String())
	case refused != nil && refused.Code == http.StatusForbidden:
		c.add(what, "not readable: needs "+role, planned, Unreadable, c.allow(role))
	default:
		c.add(what, "not readable: "+err.Error(), planned, Unreadable)
	}
	return false
}

func isMissing(err error) bool {
	refused, _ := errors.AsType[*gcp.RefusedError](err)
	return refused != nil && refused.Code == http.StatusNotFound
}

// allow is the command that gives the reader a role.
func (c *comparison) allow(role string) string {
	member := c.Member
	if member == "" {
		member = "MEMBER"
	}
	return deployment.AllowReading(c.plan.Settings.Project, member, role).String()
}

// shell are the commands of steps.
func (c *comparison) shell(steps ...deployment.Step) (commands []string) {
	for _, step := range steps {
		commands = append(commands, deployment.Numbered(step.Shell(), c.number))
	}
	return commands
}
