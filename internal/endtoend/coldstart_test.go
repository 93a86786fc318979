// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// bareMain is the shortest program on the functions framework.
const bareMain = `package main

import (
	"log"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

func main() {
	functions.HTTP("TriggerDAG", func(http.ResponseWriter, *http.Request) {})
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

// BenchmarkColdStart is the time from a process's start until it accepts a
// connection. Only the ratio of the two, in one run, means anything.
func BenchmarkColdStart(b *testing.B) {
	function, bare := buildFunction(b), filepath.Join(b.TempDir(), "bare")
	build(b, bareMain, bare)
	var functionTimes, bareTimes []time.Duration
	// The two take turns, so that a machine that slows down slows both.
	for b.Loop() {
		functionTimes = append(functionTimes, coldStart(b, function))
		bareTimes = append(bareTimes, coldStart(b, bare))
	}
	f, g := median(functionTimes), median(bareTimes)
	b.ReportMetric(float64(f.Microseconds()), "µs/function")
	b.ReportMetric(float64(g.Microseconds()), "µs/bare")
	b.ReportMetric(float64(f)/float64(g), "ratio")
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func coldStart(b *testing.B, binary string) time.Duration {
	b.Helper()
	port := freePort(b)
	cmd := exec.Command(binary)
	cmd.Env = []string{"FUNCTION_TARGET=TriggerDAG", "PORT=" + port, "DAG_ID=load", "AIRFLOW_URL=http://127.0.0.1:1"}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	for time.Since(start) < hang {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return time.Since(start)
		}
		<-time.After(50 * time.Microsecond)
	}
	b.Fatalf("%s does not listen", binary)
	return 0
}
