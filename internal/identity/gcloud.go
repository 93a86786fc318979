// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"time"

	"golang.org/x/oauth2"
)

// gcloudLogin makes a token with gcloud's own login (`gcloud auth login`), for
// a laptop without Application Default Credentials. In a deployed function
// there is no gcloud.
func gcloudLogin(ctx context.Context, gcloud string) (found, error) {
	if _, err := exec.LookPath(gcloud); err != nil {
		return found{}, errors.New("and gcloud is not installed")
	}
	answer, err := exec.CommandContext(ctx, gcloud, "config", "config-helper", "--format=json", "--min-expiry=5m").Output()
	if err != nil {
		return found{}, errors.New("and gcloud has no login")
	}
	var helper struct {
		Configuration struct {
			Properties struct {
				Core struct {
					Account string `json:"account"`
				} `json:"core"`
				Auth struct {
					Impersonated string `json:"impersonate_service_account"`
				} `json:"auth"`
			} `json:"properties"`
		} `json:"configuration"`
		Credential struct {
			AccessToken string    `json:"access_token"`
			Expiry      time.Time `json:"token_expiry"`
		} `json:"credential"`
	}
	if err := json.Unmarshal(answer, &helper); err != nil || helper.Credential.AccessToken == "" {
		return found{}, errors.New("and gcloud gives no token")
	}
	properties := helper.Configuration.Properties
	account := Account{Type: User, Email: properties.Core.Account, From: "gcloud auth login"}
	if properties.Auth.Impersonated != "" {
		account.Type, account.Email = Impersonated, properties.Auth.Impersonated
	}
	t := &oauth2.Token{AccessToken: helper.Credential.AccessToken, Expiry: helper.Credential.Expiry}
	return found{account: account, tokens: oauth2.StaticTokenSource(t)}, nil
}
