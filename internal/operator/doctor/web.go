// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

func webServer(ctx context.Context, p *subject) Finding {
	health, err := p.connection.Airflow.Health(ctx)
	if err != nil {
		return p.because(err)
	}
	var ill []string
	for _, part := range slices.Sorted(maps.Keys(health)) {
		if state := health[part]; state != "healthy" && state != "" {
			ill = append(ill, part+" is "+state)
		}
	}
	if len(ill) > 0 {
		return warning(strings.Join(ill, ", ")+": runs will wait", Fix{Do: "see the log of each, and its size"})
	}
	return ok("it answers, and is healthy")
}

// anyDAG is a DAG to ask after: a route's, or one that need not exist, since
// the answer that it is unknown tells as much.
func (p *subject) anyDAG() string {
	for _, r := range p.routes {
		if len(r.DAGs) > 0 {
			return r.DAGs[0]
		}
	}
	return "dagtrigger"
}

// answered reports whether err is Airflow's answer to a question about a DAG:
// what it knows, or that it does not know it.
func answered(err error) bool {
	e, refused := errors.AsType[*airflow.Error](err)
	return err == nil || refused && e.Kind == airflow.UnknownDAG
}

// mayOnlyTrigger reports whether a DAG that this caller may not read, as err
// says, can be triggered by it all the same.
func (p *subject) mayOnlyTrigger(ctx context.Context, dag string, err error) bool {
	e, refused := errors.AsType[*airflow.Error](err)
	return refused && e.Kind == airflow.Forbidden && answered(p.connection.Airflow.MayTrigger(ctx, dag))
}

func api(ctx context.Context, p *subject) Finding {
	client := p.connection.Airflow
	detected, err := client.DetectAPI(ctx)
	if err != nil {
		return p.because(err)
	}
	p.api = detected
	if version, err := client.Version(ctx); err == nil { // Airflow 1.10 does not tell
		p.version = version
	}
	if _, err := client.DAG(ctx, p.anyDAG()); !answered(err) && !p.mayOnlyTrigger(ctx, p.anyDAG(), err) {
		return p.because(err)
	}
	p.accepted = true
	version := "of unknown version"
	if p.version != "" {
		version = p.version
	}
	return ok("%s, Airflow %s", detected, version)
}

func anonymous(ctx context.Context, p *subject) Finding {
	switch {
	case p.api == airflow.V2:
		return skipped("Airflow 3 has no experimental API")
	case p.kind() == identity.KindIAP:
		return skipped("Identity-Aware Proxy stands before it, and asks everybody")
	}
	nobody, err := airflow.New(airflow.Config{
		URL: p.connection.URL.String(), API: airflow.Experimental, Transport: p.target.Transport, Insecure: p.spec.Insecure,
	})
	if err != nil {
		return p.because(err)
	}
	_, err = nobody.DAG(ctx, p.anyDAG())
	e, _ := errors.AsType[*airflow.Error](err)
	switch {
	case answered(err):
		do := "set [api] auth_backends (auth_backend up to 2.2.5), of which the first counts, to a backend that knows its callers, or " +
			"[api] enable_experimental_api to False"
		if p.env() != nil {
			do = p.override(p.backendKey(), composerBackend)
		}
		return warning("it answers without credentials: any caller that reaches the web server can start any DAG", Fix{Do: do})
	case e.Kind == airflow.APIAbsent:
		return ok("it is off")
	case e.Status != 0:
		return ok("it refuses them with %d", e.Status)
	}
	return skipped("it did not answer: %s", e.Said)
}

// minorOf are the first two numbers of a version.
func minorOf(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err == nil && err2 == nil
}

func registration(_ context.Context, p *subject) Finding {
	switch {
	case !p.isGoogles() || p.kind() == identity.KindIDToken:
		return skipped("%s credentials are of a user that Airflow has", p.kind())
	case p.account.Email == "":
		return skipped("the account's e-mail is not known")
	case !p.isLongNamed():
		return ok("its e-mail has %d characters, of %d that any Airflow takes", len(p.account.Email), longestEmail)
	case p.accepted:
		return ok("it is registered")
	}
	why := fmt.Sprintf("its e-mail has %d characters, and before Airflow 2.3.0 only %d can be registered by themselves",
		len(p.account.Email), longestEmail)
	fix := Fix{If: "it was not registered beforehand", Do: p.register()}
	major, minor, known := minorOf(p.version)
	switch {
	case !known:
		return warning(why+"; this Airflow's version is not known", fix)
	case major < 2 || major == 2 && minor < 3:
		return failed(why+"; this one is "+p.version, fix)
	}
	return ok("Airflow %s takes its e-mail of %d characters", p.version, len(p.account.Email))
}

// role looks at the role that Composer's backend registers a new caller with:
// https://cloud.google.com/composer/docs/composer-2/access-airflow-api.
func role(_ context.Context, p *subject) Finding {
	if p.env() == nil {
		return skipped("only Composer's API tells")
	}
	given, overridden := p.env().Overrides[keyRole]
	switch {
	case !overridden:
		return ok("Op, Composer's default; --update-airflow-configs=%s=ROLE sets another", keyRole)
	case slices.Contains([]string{"Viewer", "Public", "UserNoDags"}, given):
		// UserNoDags is Composer's User without any DAG: https://cloud.google.com/composer/docs/composer-2/airflow-rbac
		return warning(fmt.Sprintf("%s, which may not trigger: a caller that is registered from now on will meet %d", given,
			http.StatusForbidden),
			Fix{Do: p.override(keyRole, "User")})
	}
	return ok("%s, by %s", given, keyRole)
}
