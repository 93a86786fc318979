// SPDX-License-Identifier: Apache-2.0

package event

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// The types of the events of senders whose identity is in their headers. Google
// gives the first to Scheduler's jobs (google-cloudevents, scheduler/v1); the
// others are dagtrigger's.
const (
	jobExecuted    = "google.cloud.scheduler.job.v1.executed"
	taskDispatched = "google.cloud.tasks.task.v1.dispatched"
	requestPosted  = "dagtrigger.request.v1.posted"
)

// Senders documents the requests that [FromRequest] identifies by their headers:
// the headers, and the type, source and id of the event.
func Senders() []string {
	return []string{
		"Cloud Scheduler, X-CloudScheduler-JobName and X-CloudScheduler-ScheduleTime: type " + jobExecuted +
			", source " + schedulerService + "JOB, id the schedule time",
		"Cloud Tasks, X-CloudTasks-QueueName and X-CloudTasks-TaskName: type " + taskDispatched +
			", source " + tasksService + "QUEUE, id the task's name",
		"any other, Idempotency-Key: type " + requestPosted + ", source the path that it is posted to, id the key",
	}
}

const (
	schedulerService = "//cloudscheduler.googleapis.com/"
	tasksService     = "//cloudtasks.googleapis.com/queues/"
)

// The extensions that keep the schedule of a Scheduler job whose request has
// another identity. They are part of the key.
const (
	jobExtension  = "cloudschedulerjobname"
	timeExtension = "cloudschedulerscheduletime"
)

// fromSender makes a CloudEvent of a request whose headers alone identify it; its
// data is the body.
//
//   - Cloud Scheduler: the source is //cloudscheduler.googleapis.com/ and the job's
//     name, the id the time that it was scheduled for. Retries keep both.
//     https://cloud.google.com/scheduler/docs/reference/rpc/google.cloud.scheduler.v1#httptarget
//   - Cloud Tasks: the source is //cloudtasks.googleapis.com/queues/ and the queue's
//     name, the id the task's. Retries keep both.
//     https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
//   - Idempotency-Key: the source is the path that was posted to, the id the key.
//     https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
func fromSender(r *http.Request, body []byte) (CloudEvent, bool) {
	var a attributes
	job, at := jobOf(r.Header)
	queue, task := r.Header.Get(tasksQueue), r.Header.Get(tasksTask)
	key := strings.Trim(r.Header.Get("Idempotency-Key"), `"`)
	switch {
	case job != "" && at != "":
		a.set("type", jobExecuted)
		a.set("source", schedulerService+validText(job))
		a.set("id", validText(at))
		a.ce.Time, _ = parseTime(at)
	case queue != "" && task != "":
		a.set("type", taskDispatched)
		a.set("source", tasksService+validText(queue))
		a.set("id", validText(task))
	case key != "":
		a.set("type", requestPosted)
		a.set("source", pathOf(r.URL))
		a.set("id", validText(key))
	default:
		return CloudEvent{}, false
	}
	a.ce.Data = body
	// What a sender says that was not given a type for its body says nothing.
	contentType := validText(r.Header.Get("Content-Type"))
	if media := mediaType(contentType); media != "application/octet-stream" && media != formURLEncoded {
		a.ce.ContentType = contentType
	}
	return a.event()
}

// Headers of Cloud Scheduler and Cloud Tasks, in the form in which they are looked up
// in requests of every kind without being rewritten first.
const (
	schedulerJob  = "X-Cloudscheduler-Jobname"
	schedulerTime = "X-Cloudscheduler-Scheduletime"
	tasksQueue    = "X-Cloudtasks-Queuename"
	tasksTask     = "X-Cloudtasks-Taskname"
)

func pathOf(u *url.URL) string {
	if u == nil {
		return "/"
	}
	return cmp.Or(u.EscapedPath(), "/")
}

// jobOf names the Scheduler job that sent a request, and the time that it was
// scheduled for; each is empty where the header is not there.
func jobOf(header http.Header) (job, at string) {
	return first(header, schedulerJob), first(header, schedulerTime)
}

// scheduleOf is the schedule of a Scheduler job as extensions, nil for none.
func scheduleOf(header http.Header) map[string]string {
	job, at := jobOf(header)
	if at == "" {
		return nil
	}
	return map[string]string{jobExtension: validText(job), timeExtension: validText(at)}
}

// addSchedule makes each run of a Scheduler job another event: what its request
// says of its identity is the same each time.
func (e *Event) addSchedule(extensions map[string]string) {
	at, ok := extensions[timeExtension]
	if !ok {
		return
	}
	job := extensions[jobExtension]
	e.Extensions = merged(e.Extensions, map[string]string{jobExtension: job, timeExtension: at})
	e.key = append(e.key[:len(e.key):len(e.key)], "schedule", job, at)
}

// merged is a new map of all members of two; those of the second count.
func merged(a, b map[string]string) map[string]string {
	all := make(map[string]string, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}
