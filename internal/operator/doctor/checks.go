// SPDX-License-Identifier: Apache-2.0

package doctor

import "context"

// Check is one thing that is looked at. Its fields are for help texts.
type Check struct {
	Name  string
	Means string
	Scope Scope
	// needs are the checks without which this one cannot be made.
	needs []string
	run   func(context.Context, *subject) Finding
}

// Scope is what a check is made for each of.
type Scope string

// The scopes.
const (
	Once           Scope = "once"
	PerEnvironment Scope = "environment"
	PerOutbox      Scope = "outbox"   // for each environment that is one, in place of all that ask its Airflow
	PerAsset       Scope = "asset"    // for each route that names an asset
	PerDAG         Scope = "dag"      // for each route and each DAG that it may start
	OfPlatform     Scope = "platform" // for each trigger or push subscription that delivers to the function
)

// Checks are all checks, in the order in which they are made.
func Checks() []Check {
	return []Check{
		{"settings", "the settings and the routes file hold together", Once, nil, nil},
		{"credentials", "credentials are found, and it is known whose", PerEnvironment, nil, credentials},
		{"environment", "Composer's API returns the environment, and it runs", PerEnvironment, nil, lookedUp},
		{"client id", "Identity-Aware Proxy's client id is known", PerEnvironment, []string{"environment"}, clientID},
		{"token", "a token for the web server can be had", PerEnvironment, []string{"credentials", "environment", "client id"}, token},
		{"name", "the web server's name resolves", PerEnvironment, []string{"environment"}, name},
		{"connection", "the web server takes connections", PerEnvironment, []string{"name"}, connection},
		{"tls", "the web server's certificate is trusted", PerEnvironment, []string{"connection"}, certificate},
		{"access control", "the web server's network access control lets this caller in", PerEnvironment, []string{"environment"}, accessControl},
		{"web server", "Airflow answers behind its address, and is healthy", PerEnvironment, []string{"token", "tls"}, webServer},
		{"api", "Airflow's REST API is enabled and takes this caller", PerEnvironment, []string{"web server"}, api},
		{"anonymous", "the experimental API asks for credentials", PerEnvironment, []string{"web server"}, anonymous},
		{"registration", "Airflow can register this account by itself", PerEnvironment, []string{"credentials", "environment"}, registration},
		{"role", "the role that Airflow gives to new callers may trigger", PerEnvironment, []string{"environment"}, role},
		{"outbox", "the outbox's topic exists, and this caller may publish to it", PerOutbox, nil, mayPublishRuns},
		{"puller", "a subscription keeps what is published to the outbox", PerOutbox, []string{"outbox"}, pulled},
		{"asset", "Airflow knows the asset", PerAsset, []string{"api"}, asset},
		{"consumers", "no DAG that waits for the asset is paused, or one DAG makes it", PerAsset, []string{"asset"}, consumers},
		{"publish", "this caller may publish events of assets", PerAsset, []string{"api"}, mayPublish},
		{"dag", "Airflow knows the DAG, and its file has no import error", PerDAG, []string{"api"}, dag},
		{"paused", "the DAG is not paused", PerDAG, []string{"dag"}, paused},
		{"window", "the run of a window waits for its start", PerDAG, []string{"dag"}, window},
		{"files", "this caller may list the buckets of the route's sets of files", PerDAG, nil, files},
		{"params", "the DAG's Params take what the route's examples make", PerDAG, []string{"dag"}, takesConf},
		{"permission", "this caller may trigger the DAG", PerDAG, []string{"api"}, permission},
		{"trigger", "what delivers sends an event again that was not acknowledged", OfPlatform, nil, retry},
		{"deadline", "Pub/Sub waits for the answer as long as Airflow may take", OfPlatform, nil, deadline},
		{"backoff", "Pub/Sub waits between two deliveries of an event", OfPlatform, nil, backoff},
		{"dead letter", "what cannot be delivered is kept", OfPlatform, nil, deadLetter},
		{"expiry", "the subscription stays, however long nothing happens", OfPlatform, nil, expiry},
	}
}
