// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/pattern"
)

// Job is a job of Cloud Scheduler that calls the function.
type Job struct {
	Name     string   `json:"name"`
	Schedule string   `json:"schedule"` // in cron's format
	Routes   []string `json:"routes"`
}

// schedulerSource is how the source of a job's events begins. The job's name follows,
// alone or with its project and location.
const schedulerSource = "//cloudscheduler.googleapis.com/"

// DefaultTimeZone is that of the schedules.
const DefaultTimeZone = "Etc/UTC"

// scheduled finds the jobs of a route: those that its source names, or those with a
// schedule that a pattern covers.
func (f *found) scheduled(r *route.Spec, _ string) {
	const fix = "give each job its schedule, with --schedule=JOB='0 2 * * *'"
	patterns := slices.DeleteFunc(slices.Clone(r.Source), func(t route.Text) bool { return strings.HasPrefix(t.Value, "!") })
	if len(patterns) == 0 {
		patterns = []route.Text{{Value: "**"}}
	}
	for _, text := range patterns {
		p, err := pattern.Parse(text.Value)
		if err != nil {
			continue // invalid: config reports it
		}
		names := f.jobs(p)
		name := path.Base(text.Value)
		switch {
		case len(names) > 0:
		case !p.Exact():
			f.gap(r, "its jobs are a pattern, and the plan has to know them", fix)
		case !strings.HasPrefix(text.Value, schedulerSource) || !isJob(name):
			f.gap(r, "no job of Cloud Scheduler has the source "+text.Value, `write source: "**/JOB"`)
		default:
			f.gap(r, "the job "+name+" has no schedule", "give it with --schedule="+name+"='0 2 * * *', or create the job yourself, and "+
				"say so with --elsewhere="+r.Name.Value)
		}
		for _, name := range names {
			f.schedule(name, r)
		}
	}
}

// jobs are those with a schedule that a pattern of sources covers, by their name alone
// or by their full name.
func (f *found) jobs(p *pattern.Pattern) (names []string) {
	s := f.settings
	for _, name := range slices.Sorted(maps.Keys(s.Schedules)) {
		_, short := p.Match(schedulerSource + name)
		_, long := p.Match(schedulerSource + "projects/" + s.Project + "/locations/" + s.Region + "/jobs/" + name)
		if short || long {
			names = append(names, name)
		}
	}
	return names
}

func (f *found) schedule(name string, r *route.Spec) {
	at := slices.IndexFunc(f.scheduledJobs, func(j Job) bool { return j.Name == name })
	if at < 0 {
		at, f.scheduledJobs = len(f.scheduledJobs), append(f.scheduledJobs, Job{Name: name, Schedule: f.settings.Schedules[name]})
	}
	f.scheduledJobs[at].Routes = with(f.scheduledJobs[at].Routes, r.Name.Value)
}

func isJob(name string) bool { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`).MatchString(name) }

// isSchedule reports whether text is five fields of cron, in letters that mean nothing
// to a shell in quotes.
func isSchedule(text string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9*/,-]+( [A-Za-z0-9*/,-]+){4}$`).MatchString(text)
}

// Retrying is how a job repeats a call that the function does not acknowledge, as
// flags. Both limits have to be reached before it ends:
// https://cloud.google.com/scheduler/docs/configuring/retry-jobs.
func Retrying() []Value {
	return []Value{
		{"attempt-deadline", seconds(AckDeadline), "longer than a request may take, else it is repeated while it runs"},
		{"max-retry-attempts", "5", "the most there is; without any, a run that fails once is lost"},
		{"max-retry-duration", seconds(GiveUpAfter), "and as long as the function keeps events that wait for Airflow"},
		{"min-backoff", seconds(MinBackoff), "a call that is refused comes again soon"},
		{"max-backoff", seconds(MaxBackoff), "and ever more seldom while Airflow is down"},
	}
}

// JobDescription marks the jobs of a function, which can carry no label.
func (p *Plan) JobDescription() string { return "Starts DAG runs by " + p.Settings.Function }

// schedules creates the jobs, and sets those that there are.
func (p *Plan) schedules() (steps []Step) {
	for _, j := range p.Jobs {
		steps = append(steps, p.CreateJob(j, "$"+urlVariable)...)
	}
	return steps
}

// CreateJob creates a job that calls an address, and sets how it does where it exists.
func (p *Plan) CreateJob(j Job, address string) []Step {
	at := []string{j.Name, p.project(), "--location=" + p.Settings.Region}
	words := slices.Concat(at, []string{"--schedule=" + j.Schedule, "--time-zone=" + p.Settings.TimeZone, "--uri=" + address,
		"--http-method=post", "--oidc-service-account-email=" + p.Settings.InvokerEmail(), "--oidc-token-audience=" + address,
		"--description=" + p.JobDescription()}, flags(Retrying()))
	return []Step{{
		What: "The job " + j.Name + ", which calls the function by its schedule.", Retry: RetryForMinutes,
		Unless: append(gcloud("scheduler", "jobs", "describe"), append(at, "--format=value(name)")...),
		Do:     append(gcloud("scheduler", "jobs", "create", "http"), words...),
	}, {
		What: "Set when it does, as whom, and how it repeats what fails.",
		Do:   append(gcloud("scheduler", "jobs", "update", "http"), words...),
	}}
}

// forgetJobs takes away the jobs that carry the function's description.
func (p *Plan) forgetJobs() (undos []Undo) {
	for _, j := range p.Jobs {
		at := []string{j.Name, p.project(), "--location=" + p.Settings.Region}
		undos = append(undos, Undo{
			What:  "the job " + j.Name,
			Where: append(gcloud("scheduler", "jobs", "describe"), append(at, "--format=value(description)")...), Is: p.JobDescription(),
			Do: append(gcloud("scheduler", "jobs", "delete"), at...),
		})
	}
	return undos
}
