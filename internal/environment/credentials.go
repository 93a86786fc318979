// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/identity"
)

// transport carries the requests to the web server, with the client
// certificate where there is one: no other server is shown it.
func (s Spec) transport(o Options) (http.RoundTripper, error) {
	if s.ClientCertFile == "" {
		return o.wrap(o.Transport), nil
	}
	base, ok := o.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("this transport cannot carry a client certificate")
	}
	base = base.Clone()
	if base.TLSClientConfig == nil {
		base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	base.TLSClientConfig.GetClientCertificate = identity.NewClientCertificate(s.ClientCertFile, s.ClientKeyFile).Get
	return o.wrap(base), nil
}

// credentials joins all that lets requests in at the web server at root. An
// address that was looked up (env) is not the operator's word: a Google access
// token goes to Composer's hosts only, and an ID token of a discovered audience
// to Composer 1's only.
func (s Spec) credentials(
	root *url.URL, kind string, env *composer.Environment, c airflow.Config, o Options,
) (*identity.Credentials, error) {
	parts := identity.Parts{Origin: identity.OriginOf(root), Method: identity.None{}}
	if s.Headers != "" || s.HeadersFile != "" {
		parts.Headers = identity.NewHeaders(identity.NewLines(s.Headers, s.HeadersFile))
	}
	switch {
	case kind == identity.KindIAP || kind == identity.KindIDToken:
	case s.IAPClientID != "":
		parts.Front = identity.NewIAP(o.Google, root, s.IAPClientID, o.wrap(o.Transport)).InFront()
	case s.Audience != "":
		parts.Front = identity.NewIDToken(o.Google, s.Audience).InFront()
	}
	issuer := parts
	issuer.Issuer = true
	var err error
	switch kind {
	case identity.KindNone:
	case identity.KindGoogle:
		parts.Method, err = o.Google.For(root, env == nil && s.Auth == identity.KindGoogle, s.Insecure)
	case identity.KindIAP:
		if env != nil && s.IAPClientID == "" && (!identity.IsAppspot(root.Hostname()) || root.Scheme != "https") {
			return nil, fmt.Errorf("%s is not an address of Composer 1, whose client id can be discovered: set AIRFLOW_IAP_CLIENT_ID",
				root.Hostname())
		}
		parts.Method = identity.NewIAP(o.Google, root, s.IAPClientID, o.wrap(o.Transport))
	case identity.KindIDToken:
		parts.Method = identity.NewIDToken(o.Google, s.audience(root))
	case identity.KindBasic:
		parts.Method = &identity.Basic{Username: s.Username, Password: identity.NewSecret(s.Password, s.PasswordFile)}
	case identity.KindPassword:
		c.Credentials, c.API = identity.New(issuer), airflow.V2
		var client *airflow.Client
		client, err = airflow.New(c)
		parts.Method = identity.NewPassword(root, s.Username, identity.NewSecret(s.Password, s.PasswordFile), client)
	case identity.KindBearer:
		parts.Method = &identity.Bearer{Token: identity.NewSecret(s.Token, s.TokenFile)}
	case identity.KindOAuth2:
		parts.Method = identity.NewOAuth2(identity.OAuth2Config{
			TokenURL: s.OAuth2TokenURL, ClientID: s.OAuth2ClientID, Scope: s.OAuth2Scope,
			Secret:    identity.NewSecret(s.OAuth2ClientSecret, s.OAuth2ClientSecretFile),
			Transport: o.wrap(o.Transport),
		})
	default:
		err = fmt.Errorf("there is no kind of credentials named %q", kind)
	}
	if err != nil {
		return nil, err
	}
	return identity.New(parts), nil
}

// audience is what the ID token is for: by default the web server's own
// address, as Cloud Run has it.
func (s Spec) audience(root *url.URL) string {
	if s.Audience != "" {
		return s.Audience
	}
	return root.Scheme + "://" + root.Host
}
