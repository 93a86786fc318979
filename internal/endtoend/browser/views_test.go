// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.com/dagtrigger/internal/operator/page"
)

func TestNowShowsEventsBecomingRuns(t *testing.T) {
	w := newWorld(t)
	b := open(t, w.url, 1000, 290)
	b.shows("#empty", "No events yet")
	w.upload(t, "sales/eu/a.csv", 1)
	b.shows("#row-1", "sales/eu/a.csv", "gs://acme-landing", "triggered", "sales-csv → load_sales")
	w.upload(t, "other/b.csv", 2)
	b.shows("#row-2", "other/b.csv", "unmatched", "not sales/{region=*}/*.csv")
	w.upload(t, "sales/eu/a.csv", 1)
	b.shows("#row-3", "duplicate")
	b.shows("#row-1 .state", "success")
	b.shows("#row-3 .state", "success")
	b.picture("now.png")

	// By keyboard: the list, a row, its story, and back.
	b.run(chromedp.Focus("#list"), chromedp.KeyEvent(kb.ArrowDown))
	b.until(`document.querySelector("#row-3").getAttribute("aria-selected") === "true"`)
	b.run(chromedp.KeyEvent(kb.End))
	b.until(`document.querySelector("#row-1").getAttribute("aria-selected") === "true"`)
	b.run(chromedp.KeyEvent(kb.Enter))
	b.shows("#parts", "Ce-Subject: objects/sales/eu/a.csv", "int(object.size) > 0 is true", "POST /api/v2/dags/load_sales/dagRuns",
		`"state": "queued"`, `"message": "event triggered"`, "Airflow created the run", "Try gs://acme-landing/sales/eu/a.csv")
	b.run(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("#story").open && document.activeElement.id === "list"`)

	b.run(chromedp.SendKeys("#filter", "unmatched"))
	b.shows("#count", "1 of 3 events")
	b.until(`document.querySelector("#row-2") && !document.querySelector("#row-1")`)
}

func TestLogShowsWhatWasLogged(t *testing.T) {
	const log = `{"time":"2026-11-30T10:00:00Z","message":"event triggered","outcome":"triggered","route":"sales-csv","dag_id":"load_sales",` +
		`"dag_run_id":"run-1","reason":"Airflow created the run","event_id":"1","event_source":"//storage.googleapis.com/projects/_/buckets/` +
		`acme-landing","event_type":"google.cloud.storage.object.v1.finalized","event_subject":"objects/sales/eu/a.csv","count":1}` + "\n" +
		`{"time":"2026-11-30T10:00:01Z","message":"event unmatched","outcome":"unmatched","reason":"no route matched","count":300}` + "\n"
	recorder := page.NewRecorder(nil)
	if n, err := recorder.ReadLog(strings.NewReader(log)); n != 2 || err != nil {
		t.Fatalf("read %d lines, %v", n, err)
	}
	handler, err := page.New(t.Context(), page.Options{Recorder: recorder, Log: "yesterday.log", Now: time.Now, Number: numbers()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // the streams
	b := open(t, server.URL, 1000, 700)
	b.shows("#row-1", "sales/eu/a.csv", "gs://acme-landing", "triggered", "sales-csv → load_sales")
	b.shows("#row-2", "unmatched", "300")
	b.run(chromedp.Focus("#list"), chromedp.KeyEvent(kb.End), chromedp.KeyEvent(kb.Enter))
	b.shows("#parts", "Airflow created the run", `"dag_run_id": "run-1"`)
}

func TestRoutesAreDrawnCheckedAndSaved(t *testing.T) {
	w := newWorld(t)
	w.upload(t, "sales/eu/a.csv", 1)
	b := open(t, w.url+"#routes", 1000, 700)
	b.until(`document.querySelector("#flow svg").textContent.includes("gs://acme-landing")`)
	flow := b.value(`document.querySelector("#flow svg").textContent`).(string)
	for _, want := range []string{"topic orders", "sales-csv", "1 triggered", "load_orders", "load_sales", "1 run"} {
		if !strings.Contains(flow, want) {
			t.Errorf("the flow has no %s: %s", want, flow)
		}
	}
	b.until(`document.querySelector("#text").value.includes("name: orders")`)

	// A key is completed by the schema, and the error of the rest stands in place.
	end := `const t = document.querySelector("#text"); t.focus(); t.setSelectionRange(t.value.length, t.value.length); true`
	b.value(end)
	b.run(chromedp.KeyEvent("    max_ac"))
	b.shows("#words", "max_active")
	b.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("many"))
	b.shows("#problems", "17:17: max_active takes a whole number")
	b.until(`document.querySelector("#paper .wrong mark").textContent === "many"`)
	b.picture("routes.png")
	b.until(`document.querySelector("#save").disabled`)
	for range "many" {
		b.run(chromedp.KeyEvent(kb.Backspace))
	}
	b.run(chromedp.KeyEvent("7"))
	b.until(`!document.querySelector("#save").disabled && document.querySelector("#problems").innerText === ""`)
	b.run(chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl))) // Ctrl
	b.shows("#saved", "saved")
	text, err := os.ReadFile(w.path)
	if err != nil || !strings.HasSuffix(string(text), "    max_active: 7") {
		t.Errorf("the file is %s: %v", text, err)
	}
}

func TestTryDecidesSendsAndKeeps(t *testing.T) {
	w := newWorld(t)
	b := open(t, w.url, 1100, 820)
	b.run(chromedp.Focus(`[data-view=now]`), chromedp.KeyEvent(kb.ArrowLeft)) // from the first to the last
	b.until(`document.activeElement.dataset.view === "try" && !document.querySelector("#try").hidden`)
	b.run(chromedp.SendKeys("#object", "gs://acme-landing/sales/eu/b.csv"))
	b.shows("#explanation", "sales-csv matches", "int(object.size) > 0 is true", `"region": "eu"`, "orders does not match")
	b.run(chromedp.SendKeys("#object", ".gz"))
	b.shows("#explanation", "sales-csv does not match", "No route matches")
	b.value(`document.querySelector("#object").select(); true`)
	b.run(chromedp.KeyEvent("gs://acme-landing/sales/eu/b.csv"))
	b.shows("#explanation", "sales-csv matches")
	b.run(chromedp.KeyEvent(kb.Enter))
	b.shows("#sent", "200 triggered sales-csv dagtrigger__sales-csv__")
	b.run(chromedp.SendKeys("#name", "a file of eu"), chromedp.Click("#keep"))
	b.shows("#sent", "saved in ")
	text, err := os.ReadFile(strings.TrimSuffix(w.path, ".yaml") + "_test.yaml")
	if err != nil || !strings.Contains(string(text), "upload: gs://acme-landing/sales/eu/b.csv") {
		t.Errorf("the examples are %s: %v", text, err)
	}
	b.run(chromedp.Click(`input[value=message]`), chromedp.SendKeys("#topic", "orders"), chromedp.SendKeys("#data", `{"order": 4711}`))
	b.shows("#explanation", "orders matches", `"order": 4711`)
}

func TestPageFitsANarrowScreenInTheDark(t *testing.T) {
	w := newWorld(t)
	w.upload(t, "sales/eu/"+strings.Repeat("long-", 40)+"a.csv", 1)
	b := open(t, w.url, 360, 640, dark())
	b.shows("#row-1", "triggered")
	for _, view := range []string{"now", "routes", "try"} {
		b.run(chromedp.Click("[data-view=" + view + "]"))
		b.until(`!document.querySelector("#` + map[string]string{"now": "events", "routes": "routes", "try": "try"}[view] + `").hidden`)
		if wide := b.value("document.documentElement.scrollWidth"); wide != 360.0 {
			t.Errorf("%s is %v px wide, want 360", view, wide)
		}
	}
	if colour := b.value(`getComputedStyle(document.body).backgroundColor`); colour != "rgb(20, 24, 29)" {
		t.Errorf("in the dark the page is %v", colour)
	}
	b.run(chromedp.Click("[data-view=now]"), chromedp.Click("#row-1"))
	b.shows("#parts", "Airflow created the run")
	if wide := b.value(`document.querySelector("#story").scrollWidth <= 360`); wide != true {
		t.Error("the story is wider than the screen")
	}
}

func TestPageStaysQuickWithManyEvents(t *testing.T) {
	w := newWorld(t)
	for i := range page.MaxEvents {
		w.upload(t, fmt.Sprintf("other/%d.csv", i), i+1)
	}
	b := open(t, w.url, 1100, 620)
	b.shows("#count", "10000 events")
	b.shows("#row-10000", "other/9999.csv")
	b.run(chromedp.Focus("#list"), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.End))
	b.shows("#row-1", "other/0.csv")
	if rows := b.value(`document.querySelectorAll(".row").length`).(float64); rows > 60 {
		t.Errorf("%v rows are in the document, and some 12 are in sight", rows)
	}
	w.upload(t, "sales/eu/new.csv", 20_000) // what is read stays in place, and the oldest is forgotten
	b.shows("#count", "10000 events")
	b.run(chromedp.SendKeys("#filter", "new.csv"))
	b.shows("#row-10001", "sales/eu/new.csv")
	b.shows("#count", "1 of 10000 events")
}
