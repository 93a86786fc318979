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

// notes are what no command of the plan does, and somebody may have to.
func (p *Plan) notes() []Note {
	s := p.Settings
	notes := []Note{
		{"Who carries this out needs, on the project, roles/owner, or " + strings.Join(deployer, ", ") + ".", nil},
		{"Airflow gives the account " + s.runtime() + " its role at the first call: Op, unless the environment says otherwise.", nil},
		{"The function needs no role to write its log: Cloud Run does that.", nil},
		{"Projects whose Pub/Sub account has lost its own role, or is from before April 2021, need this for pushes to be signed:",
			gcloud("projects", "add-iam-policy-binding", s.Project, "--member="+strings.ReplaceAll(pubsubAgent, "$", ""),
				"--role=roles/iam.serviceAccountTokenCreator", "--condition=None")},
	}
	if s.Image == "" {
		notes = append(notes, Note{"Where the build fails for want of a role, the account that it runs as needs:",
			gcloud("projects", "add-iam-policy-binding", s.Project,
				"--member=serviceAccount:"+numberVariable+"-compute@developer.gserviceaccount.com", "--role=roles/cloudbuild.builds.builder",
				"--condition=None")})
	}
	notes = append(notes, Note{"A dashboard of it all:",
		gcloud("monitoring", "dashboards", "create", p.project(), "--config-from-file="+path.Join(s.Source, "deploy/monitoring/dashboard.json"))})
	if s.Connected && len(s.Composer) == 0 {
		notes = append(notes, Note{"An environment of Composer that is named by its web server's address needs this, on its own project:",
			gcloud("projects", "add-iam-policy-binding", s.Project, "--member=serviceAccount:"+s.runtime(), "--role=roles/composer.user",
				"--condition=None")})
	}
	if s.Proxied {
		notes = append(notes, Note{"Identity-Aware Proxy is in front of Airflow, and lets the account in by this, in Airflow's project:",
			gcloud("iap", "web", "add-iam-policy-binding", "--project="+s.Project, "--member=serviceAccount:"+s.runtime(),
				"--role=roles/iap.httpsResourceAccessor", "--condition=None")})
	}
	for _, name := range s.Elsewhere {
		notes = append(notes, Note{"The route " + name +
			" gets its events from elsewhere. Who sends them needs roles/run.invoker, and a way in: the function takes calls from inside " +
			"Google Cloud alone.",
			gcloud("run", "services", "add-iam-policy-binding", s.Function, p.project(), p.region(), "--member=serviceAccount:EMAIL",
				"--role=roles/run.invoker")})
	}
	if len(p.Subscriptions) > 0 {
		notes = append(notes, Note{"A subscription of your own tells no topic: its routes pick messages by its name.", nil})
	}
	return notes
}

// held tells of sources on which a route that holds its events back meets
// others: Pub/Sub slows a subscription as a whole.
func (p *Plan) held(holding []string) (notes []Note) {
	for _, s := range p.Sources {
		at := slices.IndexFunc(s.Routes, func(name string) bool { return slices.Contains(holding, name) })
		if at >= 0 && len(s.Routes) > 1 {
			notes = append(notes, Note{"The route " + s.Routes[at] +
				" may hold events back (max_active, when_paused), and Pub/Sub then slows down " + s.String() +
				" for all of " + strings.Join(s.Routes, ", ") + ": a bucket or a topic of its own keeps the others quick.", nil})
		}
	}
	return notes
}
