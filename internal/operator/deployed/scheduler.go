// SPDX-License-Identifier: Apache-2.0

package deployed

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/operator/gcp"
)

// jobs compares when each job of Cloud Scheduler calls the function, as whom, and how it
// repeats a call that fails.
func (c *comparison) jobs() {
	s := c.plan.Settings
	for _, j := range c.plan.Jobs {
		c.resource = "job " + j.Name
		create := c.shell(c.plan.CreateJob(j, cmp.Or(c.service.URI, "URL"))...)
		found, err := c.Cloud.Job(c.ctx, s.Project, s.Region, j.Name)
		if !c.reads(err, "the job", j.Name, schedulerViewer, create...) {
			continue
		}
		set := create[1]
		c.compare("state", found.State, "ENABLED", c.plan.ResumeJob(j).String())
		c.compare("schedule", found.Schedule, j.Schedule, set)
		c.compare("time-zone", found.TimeZone, s.TimeZone, set)
		isCalled := found.Calls(s.Function) || slices.Contains(c.service.URLs, strings.TrimSuffix(found.HTTPTarget.URI, "/"))
		c.judge("calls", found.HTTPTarget.URI, cmp.Or(c.service.URI, "the function"), isCalled, set)
		c.compare("account", found.HTTPTarget.OIDCToken.ServiceAccountEmail, s.InvokerEmail(), set)
		is := repeats(&found)
		for _, v := range deployment.Retrying() {
			c.compare(v.Name, is[v.Name], v.Value, set)
		}
	}
}

// repeats is how a job repeats a call, in the words of gcloud's flags.
func repeats(j *gcp.Job) map[string]string {
	return map[string]string{
		"attempt-deadline": j.AttemptDeadline, "max-retry-attempts": strconv.Itoa(j.RetryConfig.RetryCount),
		"max-retry-duration": j.RetryConfig.MaxRetryDuration, "min-backoff": j.RetryConfig.MinBackoffDuration,
		"max-backoff": j.RetryConfig.MaxBackoffDuration,
	}
}
