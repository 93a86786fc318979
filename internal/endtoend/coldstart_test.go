// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
		functionTimes = append(functionTimes, coldStart(b, function, "DAG_ID=load"))
		bareTimes = append(bareTimes, coldStart(b, bare))
	}
	f, g := median(functionTimes), median(bareTimes)
	b.ReportMetric(float64(f.Microseconds()), "µs/function")
	b.ReportMetric(float64(g.Microseconds()), "µs/bare")
	b.ReportMetric(float64(f)/float64(g), "ratio")
}

// BenchmarkColdStartWithRoutes is the same of a function with a file of routes, and
// of one without. Each route has a condition and five expressions.
func BenchmarkColdStartWithRoutes(b *testing.B) {
	function, dir := buildFunction(b), b.TempDir()
	counts := []int{0, 10, 1_000}
	settings, times := map[int]string{0: "DAG_ID=load"}, map[int][]time.Duration{}
	for _, n := range counts[1:] {
		path := filepath.Join(dir, strconv.Itoa(n)+".yaml")
		write(b, path, computingRoutes(n))
		settings[n] = "DAGTRIGGER_CONFIG=" + path
	}
	for b.Loop() {
		for _, n := range counts {
			times[n] = append(times[n], coldStart(b, function, settings[n]))
		}
	}
	without := median(times[0])
	b.ReportMetric(float64(without.Microseconds()), "µs/0-routes")
	for _, n := range counts[1:] {
		b.ReportMetric(float64((median(times[n]) - without).Microseconds()), fmt.Sprintf("µs-more/%d-routes", n))
	}
}

// computingRoutes is a file of n routes with a condition and five expressions in
// conf, of which no two are the same.
func computingRoutes(n int) string {
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: route-%d\n    on: object.finalized\n    bucket: acme-landing-%d\n    object: sales/{region=*}/*.csv\n", i, i)
		fmt.Fprintf(&b, "    when: int(object.size) > %d && object.name.endsWith('.csv')\n    dag: load_%d\n    conf:\n", i, i)
		fmt.Fprintf(&b, "      uri: ${'gs://' + object.bucket + '/%d'}\n      size: ${int(object.size) + %d}\n      part: "+
			"${object.name.split('/')[%d]}\n", i, i, i)
		fmt.Fprintf(&b, "      region: ${path.region + '-%d'}\n      owner: \"${has(object.metadata.x%d) ? object.metadata.x%d : 'none'}\"\n",
			i, i, i)
	}
	return b.String()
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func coldStart(b *testing.B, binary string, settings ...string) time.Duration {
	b.Helper()
	port := freePort(b)
	cmd := exec.Command(binary)
	cmd.Env = append([]string{"FUNCTION_TARGET=TriggerDAG", "PORT=" + port, "AIRFLOW_URL=http://127.0.0.1:1"}, settings...)
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
