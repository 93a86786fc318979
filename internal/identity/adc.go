// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/idtoken"
)

// cloudPlatform is the scope that Composer's web server and its API ask for.
// https://cloud.google.com/composer/docs/composer-3/access-airflow-api
const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// answerTime bounds one request to a token server.
const answerTime = 10 * time.Second

// ADC makes tokens with Application Default Credentials: the file that
// GOOGLE_APPLICATION_CREDENTIALS names, the one that `gcloud auth
// application-default login` leaves behind, the metadata server; and where
// there is none of these, with gcloud's own login.
// https://cloud.google.com/docs/authentication/application-default-credentials
type ADC struct {
	// Transport carries the requests, but for those to the metadata server,
	// which Google's library makes by itself.
	Transport http.RoundTripper
}

// found are credentials, and whose they are.
type found struct {
	account Account
	tokens  oauth2.TokenSource
	seen    *recorder // nil for gcloud's own login
}

// AccessToken makes a token of scope cloud-platform. It finds the credentials
// again: a refused token must not be returned, nor a key that was replaced.
func (a *ADC) AccessToken(ctx context.Context) (*oauth2.Token, error) {
	f, ctx, err := a.find(ctx)
	if err != nil {
		return nil, err
	}
	t, err := f.tokens.Token()
	if err != nil {
		return nil, f.explain(ctx, err)
	}
	return t, nil
}

// IDToken makes a token for audience. It carries the account's e-mail, which
// Identity-Aware Proxy asks for.
func (a *ADC) IDToken(ctx context.Context, audience string) (*oauth2.Token, error) {
	f, ctx, err := a.find(ctx)
	if err != nil {
		return nil, err
	}
	if f.account.Type == User || f.seen == nil {
		return nil, causeUserIDToken.error(nil)
	}
	tokens, err := idtoken.NewTokenSource(ctx, audience)
	if err != nil {
		return nil, f.explain(ctx, err)
	}
	t, err := tokens.Token()
	if err != nil {
		return nil, f.explain(ctx, err)
	}
	return t, nil
}

// Account tells whose credentials are found.
func (a *ADC) Account(ctx context.Context) (Account, error) {
	f, ctx, err := a.find(ctx)
	if err != nil {
		return Account{}, err
	}
	if f.account.Type == Attached {
		f.account.Email, err = metadata.EmailWithContext(ctx, "default")
		if err != nil {
			return Account{}, f.explain(ctx, err)
		}
	}
	return f.account, nil
}

// find returns the credentials, and the context to use them in.
func (a *ADC) find(ctx context.Context) (found, context.Context, error) {
	seen := &recorder{base: a.Transport}
	// Google's libraries would else use a client that waits for ever.
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: seen, Timeout: answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	file := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS")
	credentials, err := google.FindDefaultCredentials(ctx, cloudPlatform)
	switch {
	case err == nil:
		return found{account: accountOf(credentials.JSON, file), tokens: credentials.TokenSource, seen: seen}, ctx, nil
	case file != "":
		return found{}, ctx, causeGoogleFile.error(errorOf(file), "FILE", file)
	}
	f, err := gcloudLogin(ctx, "gcloud")
	if err != nil {
		return found{}, ctx, causeNoGoogle.error(err)
	}
	return f, ctx, nil
}

// errorOf describes what is wrong with a credentials file that Google's library
// refused, in words of ours: the library's may repeat the file.
func errorOf(file string) error {
	_, err := os.ReadFile(file)
	if unread, ok := errors.AsType[*fs.PathError](err); ok {
		return unread.Err
	}
	return errors.New("it holds no credentials of a known type")
}

// accountOf reads a credentials file; none means the metadata server's.
func accountOf(credentials []byte, file string) Account {
	if len(credentials) == 0 {
		return Account{Type: Attached, From: "the metadata server"}
	}
	var c struct {
		Type          string `json:"type"`
		Email         string `json:"client_email"`
		User          string `json:"account"`
		Impersonation string `json:"service_account_impersonation_url"`
	}
	_ = json.Unmarshal(credentials, &c) // the library has read it already
	a := Account{Type: Federated, Email: impersonated(c.Impersonation), From: "gcloud auth application-default login"}
	if file != "" {
		a.From = "GOOGLE_APPLICATION_CREDENTIALS, " + file
	}
	switch c.Type {
	case "service_account":
		a.Type, a.Email = Key, c.Email
	case "impersonated_service_account":
		a.Type = Impersonated
	case "authorized_user":
		a.Type, a.Email = User, c.User
	}
	return a
}

// impersonated is the account in a URL such as
// https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/A:generateAccessToken.
func impersonated(url string) string {
	if url == "" {
		return ""
	}
	account, _, _ := strings.Cut(path.Base(url), ":")
	return account
}

// explain makes one of our causes of what Google's libraries say. Their own
// words are left out: they repeat answers, and assertions with them.
func (f *found) explain(ctx context.Context, err error) error {
	known := []string{"ACCOUNT", f.account.Email, "PROJECT", projectOf(f.account.Email)}
	if _, ok := errors.AsType[metadata.NotDefinedError](err); ok {
		return causeNoAccount.error(nil, known...)
	}
	if refused, ok := errors.AsType[*metadata.Error](err); ok {
		return causeMetadata.error(fmt.Errorf("it answers %d", refused.Code), known...)
	}
	if f.account.Type == Attached {
		return causeMetadata.error(outcome(ctx, errors.New("it does not answer")), known...)
	}
	last := f.seen.last()
	if last.status == 0 {
		if code, ok := impersonationStatus(err); ok {
			last = refusal{status: code}
			last.host = iamCredentials
		}
	}
	switch {
	case last.status == 0:
		return causeTokenServer.error(outcome(ctx, errors.New("it does not answer")), known...)
	case last.reason == "SERVICE_DISABLED":
		return causeIAMDisabled.error(nil, known...)
	case last.host == iamCredentials && last.status < http.StatusInternalServerError:
		return causeImpersonation.error(last.error(), known...)
	case last.reason == "invalid_grant" && f.account.Type == Key:
		return causeKeyRefused.error(last.error(), known...)
	case last.reason == "invalid_grant":
		return causeLoginExpired.error(last.error(), known...)
	}
	return causeTokenServer.error(last.error(), known...)
}

// outcome is the context's error where it ended, else err.
func outcome(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// impersonationStatus reads the status out of an error of
// google.golang.org/api/impersonate, which uses its own client and
// reports it in words alone (impersonate/idtoken.go).
func impersonationStatus(err error) (int, bool) {
	var status int
	n, _ := fmt.Sscanf(err.Error(), "impersonate: status code %d:", &status)
	return status, n == 1
}

// projectOf is the project in a service account's e-mail, empty where there is none.
func projectOf(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	project, isAccount := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	if !isAccount {
		return ""
	}
	return project
}
