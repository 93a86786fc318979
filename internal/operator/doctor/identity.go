// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

func credentials(ctx context.Context, p *subject) Finding {
	if !p.isGoogles() {
		return ownCredentials(ctx, p)
	}
	account, err := p.target.Google.Account(ctx)
	if err != nil {
		return p.because(err)
	}
	p.account = account
	email := account.Email
	if email == "" {
		email = "e-mail unknown"
	}
	return ok("%s (%s), from %s", account.Type, email, account.From)
}

// ownCredentials looks at credentials that are Airflow's own.
func ownCredentials(ctx context.Context, p *subject) Finding {
	switch kind := p.kind(); kind {
	case identity.KindNone:
		return ok("none are sent")
	case identity.KindPassword:
		return ok("user %s and a password", p.spec.Username)
	case identity.KindOAuth2:
		return ok("the client %s of %s", p.spec.OAuth2ClientID, p.spec.OAuth2TokenURL)
	default:
		connection, err := p.client.Connection(ctx)
		if err != nil {
			return p.because(err)
		}
		if err := authorize(ctx, connection.URL.String(), connection.Credentials); err != nil {
			return p.because(err)
		}
		if kind == identity.KindBasic {
			return ok("user %s and a password", p.spec.Username)
		}
		return ok("a token that was made elsewhere")
	}
}

// authorize has credentials put on a request that is not sent.
func authorize(ctx context.Context, url string, c airflow.Credentials) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	if err := c.Authorize(req); err != nil {
		return err
	}
	c.Answered(req, &airflow.Error{Kind: airflow.Canceled})
	return nil
}

func lookedUp(ctx context.Context, p *subject) Finding {
	connection, err := p.client.Connection(ctx)
	if err != nil {
		return p.because(err)
	}
	p.connection = connection
	if p.env() == nil {
		return skipped("%s was given, and is taken as it is; with %s in its place, access control and Airflow's settings are looked up, too",
			p.target.Name("url"), p.target.Name("composer"))
	}
	p.version = p.env().Image.Airflow
	return ok("%s, %s, at %s", p.env().Image.Text, strings.ToLower(p.env().State), p.env().URL)
}

func clientID(ctx context.Context, p *subject) Finding {
	iap, behind := p.connection.Credentials.Method().(*identity.IAP)
	if !behind {
		return skipped("the credentials are not for Identity-Aware Proxy but %s", p.kind())
	}
	id, err := iap.ClientID(ctx)
	if err != nil {
		return p.because(err)
	}
	if p.spec.IAPClientID == "" {
		return ok("%s, discovered", id)
	}
	return ok("%s, as given", id)
}

func token(ctx context.Context, p *subject) Finding {
	switch p.kind() {
	case identity.KindGoogle, identity.KindIAP, identity.KindIDToken, identity.KindPassword, identity.KindOAuth2:
	default:
		if p.spec.IAPClientID+p.spec.Audience == "" {
			return skipped("%s credentials need none", p.kind())
		}
	}
	if err := authorize(ctx, p.connection.URL.String(), p.connection.Credentials); err != nil {
		return p.because(err)
	}
	return ok("obtained")
}
