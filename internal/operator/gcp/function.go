// SPDX-License-Identifier: Apache-2.0

package gcp

import (
	"context"
	"path"
)

// Function is a Cloud Run function, by the API that builds it:
// https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions.
type Function struct {
	Name          string            `json:"name"`
	State         string            `json:"state"`
	UpdateTime    string            `json:"updateTime"`
	Labels        map[string]string `json:"labels"`
	StateMessages []struct {
		Message string `json:"message"`
	} `json:"stateMessages"`
	BuildConfig struct {
		Runtime              string            `json:"runtime"`
		EntryPoint           string            `json:"entryPoint"`
		EnvironmentVariables map[string]string `json:"environmentVariables"`
		Source               struct {
			StorageSource struct {
				Bucket     string `json:"bucket"`
				Object     string `json:"object"`
				Generation int64  `json:"generation,string"`
			} `json:"storageSource"`
		} `json:"source"`
	} `json:"buildConfig"`
	ServiceConfig struct {
		EnvironmentVariables map[string]string `json:"environmentVariables"`
	} `json:"serviceConfig"`
	// EventTrigger is nil for a function without its own trigger.
	EventTrigger *struct {
		Trigger             string        `json:"trigger"` // its full name
		EventType           string        `json:"eventType"`
		EventFilters        []EventFilter `json:"eventFilters"`
		PubSubTopic         string        `json:"pubsubTopic"`
		ServiceAccountEmail string        `json:"serviceAccountEmail"`
		RetryPolicy         string        `json:"retryPolicy"`
	} `json:"eventTrigger"`
}

// Service is a service of Cloud Run, which a function is too:
// https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services.
type Service struct {
	Name                  string            `json:"name"`
	URI                   string            `json:"uri"`
	URLs                  []string          `json:"urls"`
	UpdateTime            string            `json:"updateTime"`
	Labels                map[string]string `json:"labels"`
	Ingress               string            `json:"ingress"`
	LatestReadyRevision   string            `json:"latestReadyRevision"`
	LatestCreatedRevision string            `json:"latestCreatedRevision"`
	TerminalCondition     struct {
		State   string `json:"state"`
		Message string `json:"message"`
	} `json:"terminalCondition"`
	Template struct {
		ServiceAccount                string      `json:"serviceAccount"`
		Timeout                       string      `json:"timeout"`
		MaxInstanceRequestConcurrency int         `json:"maxInstanceRequestConcurrency"`
		Containers                    []Container `json:"containers"`
		Volumes                       []Volume    `json:"volumes"`
		Scaling                       struct {
			MinInstanceCount int `json:"minInstanceCount"`
			MaxInstanceCount int `json:"maxInstanceCount"`
		} `json:"scaling"`
	} `json:"template"`
	TrafficStatuses []struct {
		Type     string `json:"type"`
		Revision string `json:"revision"`
		Percent  int    `json:"percent"`
	} `json:"trafficStatuses"`
}

// Container is one of a service's.
type Container struct {
	Image     string     `json:"image"`
	Env       []Variable `json:"env"`
	Resources struct {
		Limits map[string]string `json:"limits"` // cpu and memory
	} `json:"resources"`
	VolumeMounts []struct {
		Name      string `json:"name"`
		MountPath string `json:"mountPath"`
	} `json:"volumeMounts"`
}

// Variable is an environment variable with a value, or with that of a secret.
type Variable struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ValueSource *struct {
		SecretKeyRef struct {
			Secret  string `json:"secret"`
			Version string `json:"version"`
		} `json:"secretKeyRef"`
	} `json:"valueSource"`
}

// Volume has the files of a secret.
type Volume struct {
	Name   string `json:"name"`
	Secret struct {
		Secret string `json:"secret"`
		Items  []struct {
			Path    string `json:"path"`
			Version string `json:"version"`
		} `json:"items"`
	} `json:"secret"`
}

// Secrets are the secrets that the service gets, by the name of a variable or the path
// of a file, each as SECRET:VERSION.
func (s *Service) Secrets() map[string]string {
	all := map[string]string{}
	if len(s.Template.Containers) == 0 {
		return all
	}
	container := s.Template.Containers[0]
	for _, v := range container.Env {
		if v.ValueSource != nil {
			all[v.Name] = path.Base(v.ValueSource.SecretKeyRef.Secret) + ":" + v.ValueSource.SecretKeyRef.Version
		}
	}
	for _, mount := range container.VolumeMounts {
		for _, volume := range s.Template.Volumes {
			for _, item := range volume.Secret.Items {
				if volume.Name == mount.Name {
					all[path.Join(mount.MountPath, item.Path)] = path.Base(volume.Secret.Secret) + ":" + item.Version
				}
			}
		}
	}
	return all
}

// Variables are the values of the environment variables that are no secrets.
func (s *Service) Variables() map[string]string {
	all := map[string]string{}
	for _, container := range s.Template.Containers[:min(1, len(s.Template.Containers))] {
		for _, v := range container.Env {
			if v.ValueSource == nil {
				all[v.Name] = v.Value
			}
		}
	}
	return all
}

// Function reads a function.
func (r *Reader) Function(ctx context.Context, project, region, name string) (f Function, err error) {
	err = r.Get(ctx, "https://cloudfunctions.googleapis.com/v2/projects/"+project+"/locations/"+region+"/functions/"+name, &f)
	return f, err
}

// Service reads a service of Cloud Run.
func (r *Reader) Service(ctx context.Context, project, region, name string) (s Service, err error) {
	err = r.Get(ctx, "https://run.googleapis.com/v2/projects/"+project+"/locations/"+region+"/services/"+name, &s)
	return s, err
}
