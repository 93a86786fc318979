// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"path"
	"slices"
	"strings"
)

// deployer are the roles of who carries a plan out.
var deployer = []string{
	"roles/viewer", "roles/serviceusage.serviceUsageAdmin", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountUser",
	"roles/resourcemanager.projectIamAdmin", "roles/pubsub.admin", "roles/cloudfunctions.developer", "roles/run.admin",
	"roles/eventarc.admin", "roles/logging.configWriter", "roles/monitoring.editor",
}

// scheduler is a further one, for jobs.
const scheduler = "roles/cloudscheduler.admin"

// notes are what no command of the plan does, and somebody may have to.
func (p *Plan) notes() []Note {
	s := p.Settings
	roles := slices.Clone(deployer)
	if len(p.Jobs) > 0 {
		roles = append(roles, scheduler)
	}
	if s.Pull {
		unused := []string{"roles/cloudfunctions.developer", "roles/eventarc.admin", "roles/logging.configWriter", "roles/monitoring.editor"}
		roles = slices.DeleteFunc(roles, func(role string) bool { return slices.Contains(unused, role) })
	}
	notes := []Note{
		{"Who carries this out needs, on the project, roles/owner, or " + strings.Join(roles, ", ") + ".", nil},
		{"The " + s.platform() + " needs no role to write its log: Cloud Run does that.", nil},
	}
	if s.Pull {
		notes = append(notes, p.pullNotes()...)
	} else {
		notes = append(notes, p.pushNotes()...)
	}
	if len(s.Composer) > 0 || len(s.Outboxes) == 0 { // an outbox is never called
		notes = append(notes, Note{"Airflow gives the account " + s.RuntimeEmail() +
			" its role at the first call: Op, unless the environment says otherwise.", nil})
	}
	if s.Connected && len(s.Composer)+len(s.Outboxes) == 0 {
		notes = append(notes, Note{"An environment of Composer that is named by its web server's address needs this, on its own project:",
			bind(s.Project, "serviceAccount:"+s.RuntimeEmail(), "roles/composer.user")})
	}
	if s.Proxied {
		notes = append(notes, Note{"Identity-Aware Proxy is in front of Airflow, and lets the account in by this, in Airflow's project:",
			gcloud("iap", "web", "add-iam-policy-binding", "--project="+s.Project, "--member=serviceAccount:"+s.RuntimeEmail(),
				"--role=roles/iap.httpsResourceAccessor", "--condition=None")})
	}
	notes = append(notes, p.audited()...)
	if len(p.Jobs) > 0 {
		notes = append(notes, Note{"While a job repeats a call that fails, Cloud Scheduler may skip its next times. Where none may be lost, " +
			"have the job publish to a topic, whose messages wait, and write the route on: message.published.", nil})
	}
	for _, name := range s.Elsewhere {
		notes = append(notes, Note{"The route " + name + " gets its events from elsewhere. Their sender needs roles/run.invoker, " +
			"and must call from inside Google Cloud: the function refuses other callers.",
			gcloud("run", "services", "add-iam-policy-binding", s.Function, p.project(), p.region(),
				"--member=serviceAccount:EMAIL", "--role=roles/run.invoker")})
	}
	if len(p.Subscriptions) > 0 && !s.Pull {
		notes = append(notes, Note{"A push subscription that you made does not name its topic: its routes match messages by its name.", nil})
	}
	return notes
}

// pushNotes are of a function alone.
func (p *Plan) pushNotes() []Note {
	s := p.Settings
	notes := []Note{{"Projects whose Pub/Sub account has lost its own role, or is from before April 2021, need this for pushes to be signed:",
		bind(s.Project, strings.ReplaceAll(pubsubAgent, "$", ""), "roles/iam.serviceAccountTokenCreator")}}
	if s.Image == "" {
		notes = append(notes, Note{"Where the build fails for want of a role, the account that it runs as needs:",
			bind(s.Project, "serviceAccount:"+numberVariable+"-compute@developer.gserviceaccount.com", "roles/cloudbuild.builds.builder")})
	}
	dashboard := path.Join(s.Source, "deploy/monitoring/dashboard.json")
	return append(notes, Note{"A dashboard of it all:",
		gcloud("monitoring", "dashboards", "create", p.project(), "--config-from-file="+dashboard)})
}

// audited says which audit logs are not written by themselves, for each service whose
// logs a trigger watches: https://cloud.google.com/logging/docs/audit/configure-data-access.
func (p *Plan) audited() (notes []Note) {
	var services []string
	for _, s := range p.Sources {
		if strings.HasPrefix(s.Type, auditTypes) && s.Topic == "" {
			services = with(services, s.Filters[0].Value)
		}
	}
	for _, service := range services {
		notes = append(notes, Note{"Audit logs of reads and writes of data (Data Access) are written only where they are turned on for " +
			service + " or for all services, as this prints; those of changes of settings (Admin Activity) always are. To turn them on, add " +
			"auditConfigs with DATA_READ and DATA_WRITE to the policy, and set it with \"gcloud projects set-iam-policy " + p.Settings.Project +
			" policy.json\".",
			gcloud("projects", "get-iam-policy", p.Settings.Project, "--flatten=auditConfigs",
				"--filter=auditConfigs.service:("+service+" allServices)", "--format=json(auditConfigs)")})
	}
	return notes
}

// bind gives a role on a project.
func bind(project, member, role string) Command {
	return gcloud("projects", "add-iam-policy-binding", project, "--member="+member, "--role="+role, "--condition=None")
}

// published warns of routes for objects that take notifications of any topic: with
// a source of messages beside them, its publishers can start those routes too.
func (p *Plan) published(objects []string) (notes []Note) {
	var carriers []string
	for _, s := range p.Sources {
		if s.Topic != "" {
			carriers = append(carriers, "topic: "+s.Topic)
		}
	}
	for _, s := range p.Subscriptions {
		carriers = append(carriers, "subscription: "+s.Name)
	}
	if len(carriers) == 0 {
		return nil
	}
	for _, name := range objects {
		notes = append(notes, Note{"The route " + name + " matches objects whichever way they arrive: anyone who can publish to " +
			strings.Join(carriers, ", ") + " can send a notification of an object that starts it. Where its objects come as notifications, " +
			"name their topic: or subscription: in the route; where no one else may publish there, nothing is to be done.", nil})
	}
	return notes
}

// held warns of sources that a route which holds events back shares with others:
// Pub/Sub slows down a subscription as a whole.
func (p *Plan) held(holding []string) (notes []Note) {
	for _, s := range p.Sources {
		at := slices.IndexFunc(s.Routes, func(name string) bool { return slices.Contains(holding, name) })
		if at >= 0 && len(s.Routes) > 1 {
			name := s.Routes[at]
			notes = append(notes, Note{"The route " + name + " may hold events back (max_active, when_paused), and Pub/Sub then " +
				"slows down " + s.String() + " for all of " + strings.Join(s.Routes, ", ") +
				": a separate bucket or topic keeps the others quick.", nil})
		}
	}
	return notes
}
