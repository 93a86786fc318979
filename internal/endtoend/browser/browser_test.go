// SPDX-License-Identifier: Apache-2.0

// Package browser tests the page in a headless Chromium: each view, by keyboard, on a
// narrow screen, in the dark and with as many events as are kept. It compares the text
// that stands in the page. It never compares pixels.
package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/operator/page"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// pictures are written where a folder is named: go test . -args -pictures ../../../.github/page
var pictures = flag.String("pictures", "", "the folder for the README's pictures")

// hang bounds a wait that only a hang would reach.
const hang = time.Minute

const routesText = `environments:
  prod: {url: "%s", auth: none, api: v2, token_file: ""}
routes:
  - name: sales-csv
    on: object.finalized
    bucket: acme-landing
    object: "sales/{region=*}/*.csv"
    when: int(object.size) > 0
    dag: load_sales
    conf:
      uri: gs://${object.bucket}/${object.name}
      region: ${path.region}
  - name: orders
    on: message.published
    topic: orders
    dag: load_orders
`

// world is the function with an Airflow, and its page.
type world struct {
	url, path string
	function  http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load_sales"}, {ID: "load_orders"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	airflow := httptest.NewServer(sim)
	t.Cleanup(airflow.Close)
	w := &world{path: filepath.Join(t.TempDir(), "routes.yaml")}
	text := strings.Replace(fmt.Sprintf(routesText, airflow.URL), `, token_file: ""`, "", 1)
	if err := os.WriteFile(w.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.FromEnv(func(name string) string { return map[string]string{config.FileVariable: w.path}[name] })
	if err != nil {
		t.Fatal(err)
	}
	recorder := page.NewRecorder(func() page.Explain { return explain(c) })
	f, err := dagtrigger.New(c, recorder.Log(slog.New(slog.NewTextHandler(t.Output(), nil))), recorder.Transport(http.DefaultTransport))
	if err != nil {
		t.Fatal(err)
	}
	w.function = recorder.Handler(f)
	handler, err := page.New(t.Context(), page.Options{
		Recorder: recorder, Function: w.function, State: states(t, c), HasRoutes: true, Now: time.Now, Number: numbers(),
		Routes: page.Routes{
			Path:    w.path,
			Parse:   func(text []byte) (config.File, error) { return config.Parse(w.path, text) },
			Current: func() (*config.File, string) { return c.File, "" },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // the streams
	w.url = server.URL
	return w
}

// numbers are those of new events.
func numbers() func() int64 {
	n := time.Now().UnixMicro()
	return func() int64 { n++; return n }
}

// explain shows what the page needs of an explanation: "dagtrigger explain" has its own tests.
func explain(c config.Config) page.Explain {
	type run struct {
		DAG   string          `json:"dag_id"`
		RunID string          `json:"dag_run_id"`
		Body  json.RawMessage `json:"body"`
	}
	type part struct {
		Text  string `json:"text"`
		Value string `json:"value"`
	}
	type result struct {
		Route   string `json:"route"`
		Matched bool   `json:"matched"`
		Reason  string `json:"reason,omitempty"`
		When    *part  `json:"when,omitempty"`
		Run     *run   `json:"run,omitempty"`
	}
	return func(ctx context.Context, request delivery.Request) ([]page.Explained, error) {
		events, err := example.Receive(ctx, request)
		var all []page.Explained
		for i := range events {
			var routes []result
			for _, r := range c.Table.Explain(ctx, &events[i]) {
				one := result{Route: r.Route, Matched: r.Plan != nil, Reason: r.Reason}
				if r.When != nil {
					one.When = &part{r.When.Text, r.When.Value}
				}
				if r.Plan != nil {
					one.Run = &run{r.Plan.DAG, "run", r.Plan.Conf}
				}
				routes = append(routes, one)
			}
			all = append(all, page.Explained{EventID: events[i].ID, Result: map[string]any{
				"event": map[string]string{"id": events[i].ID, "type": events[i].Type}, "routes": routes,
			}})
		}
		return all, err
	}
}

func states(t *testing.T, c config.Config) page.State {
	t.Helper()
	env, err := environment.New(c.Environments["prod"], config.Variable, environment.Options{UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, _, dag, run string) (string, error) {
		found, err := env.Find(ctx, dag, run)
		return found.State, err
	}
}

// upload sends the function an object's upload.
func (w *world) upload(t *testing.T, name string, number int) {
	t.Helper()
	r, err := delivery.Object{
		Bucket: "acme-landing", Name: name, Size: 12, Generation: int64(number), Time: time.Now(), MessageID: fmt.Sprint(number),
	}.Request(delivery.Eventarc)
	if err != nil {
		t.Fatal(err)
	}
	req, err := r.HTTP(t.Context(), "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	w.function.ServeHTTP(httptest.NewRecorder(), req)
}

// chromium is a tab of one headless browser for all tests.
var chromium context.Context

func TestMain(m *testing.M) {
	flag.Parse()
	program, err := exec.LookPath("chromium")
	if err != nil {
		fmt.Println("chromium is not installed: apt-get install chromium")
		if os.Getenv("DAGTRIGGER_REAL") == "required" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(hang))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var end context.CancelFunc
	chromium, end = chromedp.NewContext(allocator)
	if err := chromedp.Do(chromium, chromedp.Navigate("about:blank")); err != nil {
		fmt.Println("starting chromium:", err)
		os.Exit(1)
	}
	status := m.Run()
	end()
	stop()
	os.Exit(status)
}

// step is what a person does.
type step = chromedp.Action[chromedp.Void]

// tab is a browser's tab with a page.
type tab struct {
	context.Context
	t    *testing.T
	last *text // what stood in the page
}

type text string

// open opens the page in a tab.
func open(t *testing.T, url string, width, height int64, actions ...step) tab {
	t.Helper()
	ctx, end := chromedp.NewContext(chromium)
	t.Cleanup(end)
	ctx, cancel := context.WithTimeout(ctx, hang)
	t.Cleanup(cancel)
	b := tab{ctx, t, new(text)}
	b.run(chromedp.EmulateViewport(width, height))
	b.run(actions...)
	b.run(chromedp.Navigate(url))
	b.until(`document.documentElement.dataset.ready === "true"`)
	return b
}

func (b tab) run(actions ...step) {
	b.t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// until waits until an expression is true. The page's policy lets nothing poll inside it.
func (b tab) until(expression string) {
	b.t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := chromedp.Run(b, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if ok {
			return
		}
		select {
		case <-ticker.C:
		case <-b.Done():
			b.t.Fatalf("%s is not true: %v\n%s", expression, err, *b.last)
		}
		if shown, err := chromedp.Run(b, chromedp.Evaluate[string]("document.body.innerText")); err == nil {
			*b.last = text(shown)
		}
	}
}

// shows waits until an element's text has all parts.
func (b tab) shows(selector string, parts ...string) {
	b.t.Helper()
	for _, part := range parts {
		b.until(fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%q)", selector, part))
	}
}

func (b tab) value(expression string) any {
	b.t.Helper()
	value, err := chromedp.Run(b, chromedp.Evaluate[any](expression))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// picture writes a picture for the README.
func (b tab) picture(name string) {
	b.t.Helper()
	if *pictures == "" {
		return
	}
	shot, err := chromedp.Run(b, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	image, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&small, palette(image)); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name), small.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// dark has the browser prefer dark pages.
func dark() step {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return err
	})
}
