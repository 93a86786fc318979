// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/gcp"
)

// subject is one environment under examination, or one DAG of it, or the
// platform; and what the checks have learnt so far.
type subject struct {
	*runner
	environment string
	spec        environment.Spec
	client      *environment.Airflow
	routes      []Route
	missing     map[string]bool // checks that failed, and those that needed one

	route Route  // of PerDAG
	dag   string // likewise

	account    identity.Account
	connection *environment.Connection // nil until it is looked up
	unreadable bool                    // this caller may trigger the DAG, and not read it
	addresses  []netip.Addr            // of the web server
	api        airflow.API
	version    string // of Airflow, empty where it is not known
	accepted   bool   // the REST API took this caller
	state      airflow.DAG
	asset      airflow.Asset // of PerAsset

	trigger      *gcp.Trigger     // of OfPlatform; nil where the operator's own subscription delivers, or nothing
	subscription gcp.Subscription // the trigger's, or that one
	unread       string           // why there is none
}

// kind is the kind of credentials, as far as it is known by now.
func (p *subject) kind() string {
	switch {
	case p.connection != nil:
		return p.connection.Credentials.Kind()
	case p.spec.Composer != "":
		return cmp.Or(p.spec.Auth, identity.KindGoogle)
	}
	return p.spec.AuthKind()
}

// isGoogles reports whether the credentials are of a Google account.
func (p *subject) isGoogles() bool {
	return slices.Contains([]string{identity.KindGoogle, identity.KindIAP, identity.KindIDToken}, p.kind())
}

// env is what Composer's API returned, nil where it was not asked.
func (p *subject) env() *composer.Environment {
	if p.connection == nil {
		return nil
	}
	return p.connection.Composer
}

// because is the finding of an error.
func (p *subject) because(err error) Finding {
	if e, ok := errors.AsType[*cause.Error](err); ok {
		return failed(e.What(), Fix{Do: cause.Fill(e.Cause.Fix, p.known()...)})
	}
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		return failed(err.Error())
	}
	said := *e
	said.Hint = ""
	causes := airflow.CausesOf(e, p.kind(), p.version)
	if i := slices.IndexFunc(causes, p.isCertain); i >= 0 {
		causes = causes[i : i+1]
	}
	causes = slices.DeleteFunc(causes, p.isRuledOut)
	var fixes []Fix
	for _, c := range causes {
		fixes = append(fixes, Fix{If: c.Means, Do: p.remedy(c)})
	}
	return failed(said.Error(), fixes...)
}

// The settings of Airflow that decide which callers are allowed, as Composer's API names
// them. See https://airflow.apache.org/docs/apache-airflow/2.11.2/configurations-ref.html#api
// and https://cloud.google.com/composer/docs/composer-2/access-airflow-api.
const (
	keyBackend      = "api-auth_backend"  // up to 2.2.5
	keyBackends     = "api-auth_backends" // from 2.3.0
	keyExperimental = "api-enable_experimental_api"
	keyRole         = "api-composer_auth_user_registration_role"

	composerBackend = "airflow.composer.api.backend.composer_auth"
	denyAll         = "airflow.api.auth.backend.deny_all"
	openBackend     = "airflow.api.auth.backend.default"
)

// backend is the first authentication backend that the environment's overrides
// name; empty where they name none, or are not known.
func (p *subject) backend() string {
	if p.env() == nil {
		return ""
	}
	first, _, _ := strings.Cut(cmp.Or(p.env().Overrides[keyBackends], p.env().Overrides[keyBackend]), ",")
	return strings.TrimSpace(first)
}

// isCertain reports whether a cause holds for certain, by what was looked up.
func (p *subject) isCertain(c airflow.Cause) bool {
	switch c.Name {
	case "api-denied":
		return p.backend() == denyAll || p.backend() == openBackend
	case "experimental-denied":
		return p.backend() == denyAll
	case "access-control":
		return p.env() != nil && p.env().Controlled && len(p.env().Allowed) == 0
	case "unregistered-account":
		return p.isLongNamed() && p.version != ""
	}
	return false
}

// isRuledOut reports whether a cause is ruled out by what was looked up.
func (p *subject) isRuledOut(c airflow.Cause) bool {
	env := p.env()
	switch c.Name {
	case "api-denied", "experimental-denied":
		// Composer's own backend is the default, but on Airflow 1.
		byDefault := p.backend() == "" && p.version != "" && !strings.HasPrefix(p.version, "1.")
		return env != nil && (byDefault || p.backend() == composerBackend)
	case "access-control":
		return env != nil && isOpen(env)
	case "unregistered-account":
		return p.account.Email != "" && !p.isLongNamed()
	}
	return false
}

// longestEmail is what Airflow's column of e-mails holds before 2.3.0:
// https://cloud.google.com/composer/docs/composer-2/access-airflow-api.
const longestEmail = 64

func (p *subject) isLongNamed() bool { return len(p.account.Email) > longestEmail }

// remedy is the fix of a cause: a command for this environment where what was
// looked up makes one, else the table's own words.
func (p *subject) remedy(c airflow.Cause) string {
	env := p.env()
	if env == nil {
		return cause.Fill(c.Fix, p.known()...)
	}
	switch c.Name {
	case "api-denied", "experimental-denied":
		return p.override(p.backendKey(), composerBackend)
	case "no-experimental":
		return p.override(keyExperimental, "True")
	case "composer-role":
		return cause.Fill(p.gcloud("run")+" users add-role -- -e EMAIL -r Op", p.known()...)
	case "composer-registration":
		return cause.Fill(p.gcloud("run")+" users delete -- -e EMAIL", p.known()...)
	case "access-control":
		return p.gcloud("update") + " --web-server-allow-all"
	case "composer-permission", "iap-permission", "google-token-on-airflow":
		return cause.Fill("gcloud projects add-iam-policy-binding PROJECT --member=MEMBER --role=roles/composer.user", p.known()...)
	case "unregistered-account":
		return p.register()
	}
	return cause.Fill(c.Fix, p.known()...)
}

// backendKey is the setting that names the backends in this version.
func (p *subject) backendKey() string {
	if major, minor, ok := minorOf(p.version); ok && (major < 2 || major == 2 && minor < 3) {
		return keyBackend
	}
	return keyBackends
}

// override is the command that overrides one of Airflow's settings.
func (p *subject) override(key, value string) string {
	return p.gcloud("update") + " --update-airflow-configs=" + key + "=" + value
}

// register are the commands that register an account beforehand.
func (p *subject) register() string {
	const id = `gcloud iam service-accounts describe EMAIL --format="value(oauth2ClientId)"`
	const create = " users create -- -u accounts.google.com:NUMERIC_ID -e EMAIL -f EMAIL -l - -r Op --use-random-password"
	return cause.Fill(id+"\n"+p.gcloud("run")+create, p.known()...)
}

// gcloud is the beginning of a command about the environment.
func (p *subject) gcloud(verb string) string {
	return cause.Fill("gcloud composer environments "+verb+" ENVIRONMENT --project=PROJECT --location=LOCATION", p.known()...)
}

// known are the words in capitals of the fixes, and what they stand for here.
func (p *subject) known() []string {
	known := []string{"EMAIL", p.account.Email}
	switch {
	case p.account.Email == "":
	case p.account.Type == identity.User: // no ACCOUNT, which stands for a service account
		known = append(known, "MEMBER", "user:"+p.account.Email)
	default:
		known = append(known, "MEMBER", "serviceAccount:"+p.account.Email, "ACCOUNT", p.account.Email)
	}
	if name, err := composer.ParseName(p.spec.Composer); err == nil {
		known = append(known, "PROJECT", name.Project, "LOCATION", name.Location, "ENVIRONMENT", name.Environment)
	}
	return known
}
