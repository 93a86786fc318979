// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	askTimeout  = time.Minute // reached by a hang alone, also where all cores are busy
	answerLimit = 1 << 20     // bytes
)

// unhealthy names the part that does not say it is healthy yet.
//
// The parts and their places are those of airflow/api_connexion/endpoints/health_endpoint.py
// and airflow/api_fastapi/core_api/routes/public/monitor.py.
func (a *Airflow) unhealthy(ctx context.Context) string {
	path, parts := "/api/v2/monitor/health", []string{"metadatabase"}
	if a.settings.major == 2 {
		path = "/health"
	}
	if a.scheduled {
		parts = append(parts, "scheduler")
		if a.settings.major >= 3 {
			parts = append(parts, "dag_processor")
		}
	}
	var answer map[string]struct{ Status string }
	if err := a.ask(ctx, http.MethodGet, path, nil, http.StatusOK, &answer); err != nil {
		return err.Error()
	}
	for _, part := range parts {
		if answer[part].Status != "healthy" {
			return fmt.Sprintf("%s is %q", part, answer[part].Status)
		}
	}
	return ""
}

// Token logs in and returns a token for the API of Airflow 3, good for a day.
// Airflow 2 has none: it takes the name and the password themselves.
func (a *Airflow) Token(ctx context.Context, user User) (string, error) {
	if a.settings.major == 2 {
		return "", fmt.Errorf("getting a token: Airflow %s has none: use basic authentication", a.Version)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	login := map[string]string{"username": user.Name, "password": user.Password}
	if err := a.ask(ctx, http.MethodPost, "/auth/token", login, http.StatusCreated, &answer); err != nil {
		return "", fmt.Errorf("getting a token for %s: %w", user.Name, err)
	}
	return answer.Token, nil
}

// ask makes one request of the web server and decodes its answer.
func (a *Airflow) ask(ctx context.Context, method, path string, body any, status int, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	// A new connection each time: none is kept open to a server that may be killed.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(answer)
}
