// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// CreateToken requests a token of Airflow 3 for a user and a password: POST
// /auth/token, which every auth manager has. See
// https://airflow.apache.org/docs/apache-airflow/stable/security/api.html.
func (c *Client) CreateToken(ctx context.Context, username, password string) (string, error) {
	content, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		return "", fmt.Errorf("writing the request for a token: %w", err)
	}
	q := ask{api: V2, method: http.MethodPost, path: "/auth/token", body: content}
	return do(ctx, c, q, func(b *body) (string, error) {
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := b.decode(&answer); err != nil || answer.Token == "" {
			return "", errors.New("the answer has no access_token")
		}
		return answer.Token, nil
	})
}
