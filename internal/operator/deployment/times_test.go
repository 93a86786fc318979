// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/pressure"
)

// value and why are what a plan sets by a name, and the reason; or empty.
func value(values []deployment.Value, name string) string { return named(values, name).Value }
func why(values []deployment.Value, name string) string   { return named(values, name).Why }

func named(values []deployment.Value, name string) deployment.Value {
	at := slices.IndexFunc(values, func(v deployment.Value) bool { return v.Name == name })
	if at < 0 {
		return deployment.Value{}
	}
	return values[at]
}

// A call to Airflow ends before the request that makes it, the request before
// Pub/Sub delivers the event again, and all of that stands in the script.
func TestEachTimeoutEndsBeforeTheNext(t *testing.T) {
	t.Parallel()
	p := sample(t)
	if call := airflow.DefaultTimeout; call >= deployment.RequestTimeout || deployment.RequestTimeout >= deployment.AckDeadline {
		t.Errorf("a call takes %s, a request %s, a delivery %s: each has to be longer than the one before", call, deployment.RequestTimeout,
			deployment.AckDeadline)
	}
	if got := value(p.Function.Values, "timeout"); got != "300s" {
		t.Errorf("the function's time-out is %s", got)
	}
	if got := value(p.Delivery, "ack-deadline"); got != "600" {
		t.Errorf("the acknowledgement deadline is %s", got)
	}
	script := p.Script()
	for _, flag := range []string{"--timeout=300s ", "--ack-deadline=600 ", "--min-retry-delay=10s ", "--max-retry-delay=600s ",
		"--max-delivery-attempts=100 ", "--expiration-period=never"} {
		if !strings.Contains(script, flag) {
			t.Errorf("the script lacks %s", flag)
		}
	}
	if want := "AIRFLOW_TIMEOUT, " + seconds(airflow.DefaultTimeout); !strings.Contains(why(p.Function.Values, "timeout"), want) {
		t.Errorf("the reason of the time-out lacks %q", want)
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) + "s" }

// attempts are the shortest and the longest time for which Pub/Sub delivers an
// event: each attempt may be refused at once, or last as long as a request may.
func attempts() (shortest, longest time.Duration) {
	delay := deployment.MinBackoff
	for range deployment.MaxAttempts - 1 {
		shortest += delay
		longest += delay + deployment.RequestTimeout
		delay = min(2*delay, deployment.MaxBackoff)
	}
	return shortest, longest + deployment.RequestTimeout
}

// An event that is deferred becomes a dead letter with the reason, before
// Pub/Sub moves it away without one, and that happens before it is dropped.
func TestDeadLetterComesBeforePubSubDropsTheEvent(t *testing.T) {
	t.Parallel()
	shortest, longest := attempts()
	if deployment.GiveUpAfter+deployment.MaxBackoff >= shortest {
		t.Errorf("the function gives up after %s, and Pub/Sub may after %s", deployment.GiveUpAfter, shortest)
	}
	if longest >= deployment.Retention {
		t.Errorf("the attempts may last %s, and an event is kept for %s", longest, deployment.Retention)
	}
	if deployment.GiveUpAfter >= config.DefaultGiveUpAfter {
		t.Error("it need not be set")
	}
}

// The pages and the Terraform module name the same times: nothing else compares the
// module with the plan where Terraform is not run.
func TestTimesAgreeInPagesAndTerraform(t *testing.T) {
	t.Parallel()
	hours := func(d time.Duration) string { return strconv.Itoa(int(d.Hours())) }
	days := func(d time.Duration) string { return strconv.Itoa(int(d.Hours() / 24)) }
	const pages, module = "../../../deploy/monitoring/alerts/", "../../../deploy/terraform/"
	for _, row := range []struct{ file, want string }{
		{pages + "oldest_unacknowledged.md", "set " + hours(deployment.GiveUpAfter) + " hours, and a retention of " +
			days(deployment.Retention) + " days"},
		{pages + "oldest_unacknowledged.md", "gives up after " + hours(config.DefaultGiveUpAfter)},
		{pages + "airflow_refuses.md", "(" + hours(deployment.GiveUpAfter) + " hours as"},
		{pages + "airflow_refuses.md", "else " + hours(config.DefaultGiveUpAfter) + ")"},
		{module + "main.tf", `GIVE_UP_AFTER = "` + hours(deployment.GiveUpAfter) + `h"`},
		{module + "main.tf", "timeout_seconds = " + strconv.Itoa(int(deployment.RequestTimeout.Seconds())) + " "},
		{module + "delivery.tf", "ack_deadline_seconds = " + strconv.Itoa(int(deployment.AckDeadline.Seconds())) + " "},
		{module + "delivery.tf", `message_retention_duration = "` + seconds(deployment.Retention) + `" # ` +
			days(deployment.Retention) + " days"},
		{module + "delivery.tf", `minimum_backoff = "` + seconds(deployment.MinBackoff) + `"`},
		{module + "delivery.tf", `maximum_backoff = "` + seconds(deployment.MaxBackoff) + `"`},
		{module + "delivery.tf", "max_delivery_attempts = " + strconv.Itoa(deployment.MaxAttempts) + " "},
		{"../../../deploy/README.md", "--ack-deadline=" + strconv.Itoa(int(deployment.AckDeadline.Seconds())) + " --min-retry-delay=" +
			seconds(deployment.MinBackoff) + " --max-retry-delay=" + seconds(deployment.MaxBackoff) + " --expiration-period=never"},
	} {
		text, err := os.ReadFile(row.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), row.want) {
			t.Errorf("%s lacks %q", row.file, row.want)
		}
	}
}

// The reason of the number of instances says how many calls each makes at most.
func TestReasonOfInstancesCountsTheirCalls(t *testing.T) {
	t.Parallel()
	p := sample(t)
	want := "at most " + strconv.Itoa(pressure.DefaultMaxInFlight) + " calls"
	if !strings.Contains(why(p.Function.Values, "max-instances"), want) {
		t.Errorf("it lacks %q", want)
	}
}
