// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"path"
	"strings"
)

// notes are what no command of the plan does, and somebody may have to.
func (p *Plan) notes() []Note {
	s := p.Settings
	notes := []Note{
		{"Airflow gives the account " + s.runtime() + " its role at the first call: Op, unless the environment says otherwise.", nil},
		{"The function needs no role to write its log: Cloud Run does that.", nil},
		{"Projects whose Pub/Sub account has lost its own role, or is from before April 2021, need this for pushes to be signed:",
			gcloud("projects", "add-iam-policy-binding", s.Project, "--member="+strings.ReplaceAll(pubsubAgent, "$", ""), "--role=roles/iam.serviceAccountTokenCreator", "--condition=None")},
	}
	if s.Image == "" {
		notes = append(notes, Note{"Where the build fails for want of a role, the account that it runs as needs:",
			gcloud("projects", "add-iam-policy-binding", s.Project, "--member=serviceAccount:"+numberVariable+"-compute@developer.gserviceaccount.com", "--role=roles/cloudbuild.builds.builder", "--condition=None")})
	}
	notes = append(notes, Note{"A dashboard of it all:", gcloud("monitoring", "dashboards", "create", p.project(), "--config-from-file="+path.Join(s.Source, "deploy/monitoring/dashboard.json"))})
	if s.Connected && len(s.Composer) == 0 {
		notes = append(notes, Note{"An environment of Composer that is named by its web server's address needs this, on its own project:",
			gcloud("projects", "add-iam-policy-binding", s.Project, "--member=serviceAccount:"+s.runtime(), "--role=roles/composer.user", "--condition=None")})
	}
	for _, name := range s.Elsewhere {
		notes = append(notes, Note{"The route " + name + " gets its events from elsewhere. Who sends them needs roles/run.invoker, and a way in: the function takes calls from inside Google Cloud alone.",
			gcloud("run", "services", "add-iam-policy-binding", s.Function, p.project(), p.region(), "--member=serviceAccount:EMAIL", "--role=roles/run.invoker")})
	}
	if len(p.Subscriptions) > 0 {
		notes = append(notes, Note{"A subscription of your own tells no topic: its routes pick messages by its name.", nil})
	}
	return notes
}
