// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// pod is what the manifest's Deployment says of its pods, as far as the program
// depends on it.
type pod struct {
	Grace    int `yaml:"terminationGracePeriodSeconds"`
	Security struct {
		RunAsUser int `yaml:"runAsUser"`
	} `yaml:"securityContext"`
	Containers []struct {
		Args []string
		Env  []struct{ Name, Value string }
		Live probe `yaml:"livenessProbe"`
		Done probe `yaml:"readinessProbe"`
		Life struct {
			PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
		} `yaml:"lifecycle"`
		Ports []struct {
			ContainerPort string `yaml:"containerPort"`
		}
		Mounts []struct {
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
}

type probe struct {
	HTTPGet struct{ Path string } `yaml:"httpGet"`
}

func manifestPod(t *testing.T) pod {
	t.Helper()
	text, err := os.ReadFile(repository + "/deploy/kubernetes/dagtrigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Spec struct{ Template struct{ Spec pod } }
	}
	if err := yaml.Unmarshal(text, &m); err != nil || len(m.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%v: %+v", err, m)
	}
	return m.Spec.Template.Spec
}

// imageCommand are the arguments with which the image starts the program.
func imageCommand(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(repository + "/deploy/container/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var entry []string
	found := regexp.MustCompile(`(?m)^ENTRYPOINT (.*)$`).FindSubmatch(text)
	if found == nil || json.Unmarshal(found[1], &entry) != nil {
		t.Fatalf("the image has no entry point: %q", found)
	}
	return entry[1:]
}

// configMap is a folder as Kubernetes mounts a ConfigMap: the files are links through
// a link that is replaced when the ConfigMap changes.
type configMap struct {
	t      *testing.T
	folder string
}

func (m configMap) set(version, name, text string) {
	m.t.Helper()
	data := filepath.Join(m.folder, "..data")
	for _, err := range []error{
		os.Mkdir(filepath.Join(m.folder, version), 0o700),
		os.WriteFile(filepath.Join(m.folder, version, name), []byte(text), 0o600),
		os.Symlink(version, data+"_tmp"),
		os.Rename(data+"_tmp", data),
	} {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join("..data", name), filepath.Join(m.folder, name)); err != nil && !os.IsExist(err) {
		m.t.Fatal(err)
	}
}

// TestKubernetesManifestServes starts the program as the manifest does, with folders of
// the test in the place of what is mounted.
func TestKubernetesManifestServes(t *testing.T) {
	t.Parallel()
	p := manifestPod(t)
	c := p.Containers[0]
	var mounts []string
	for _, m := range c.Mounts {
		mounts = append(mounts, m.MountPath, t.TempDir())
	}
	if len(mounts) != 4 {
		t.Fatalf("it mounts %q", mounts)
	}
	mounted := strings.NewReplacer(mounts...)
	routes := configMap{t, mounted.Replace("/etc/dagtrigger")}
	routes.set("..1", "routes.yaml", "routes: [{name: r, on: message.published, dag: first}]\n")
	configMap{t, mounted.Replace("/secrets/airflow")}.set("..1", "password", "p")
	settings := map[string]string{"PORT": "0"} // the image's is 8080
	for _, e := range c.Env {
		settings[e.Name] = mounted.Replace(e.Value)
	}
	args := imageCommand(t)
	for _, arg := range c.Args {
		args = append(args, mounted.Replace(arg))
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, log, ended := newOutput(), newOutput(), make(chan int, 1)
	go func() { ended <- run(ctx, args, set(settings), nil, out, log) }()
	url := out.after(t, "The function listens on ", ended)

	for path, want := range map[string]int{
		c.Live.HTTPGet.Path: http.StatusOK, c.Done.HTTPGet.Path: http.StatusOK,
		"/": http.StatusUnauthorized, // no event is taken from just anybody
	} {
		if status := probed(t, url+path); status != want {
			t.Errorf("GET %s is answered %d, want %d", path, status, want)
		}
	}
	routes.set("..2", "routes.yaml", "routes: [{name: r, on: message.published, dag: another}]\n")
	out.after(t, " has changed, and its routes are in", ended)
	end()
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
}

// probed asks as the kubelet does: by the pod's address, with no token.
func probed(t *testing.T, url string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "10.0.0.7:8080"
	r.Header.Set("User-Agent", "kube-probe/1.34")
	answer, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // its status is enough
	return answer.StatusCode
}

// A pod that ends serves until no Service sends requests to it, and then finishes what
// is in flight. The image's user is the one that the secret is readable for.
func TestKubernetesManifestFitsTheProgram(t *testing.T) {
	t.Parallel()
	p := manifestPod(t)
	c := p.Containers[0]
	sleep := time.Duration(c.Life.PreStop.Sleep.Seconds) * time.Second
	if grace := time.Duration(p.Grace) * time.Second; sleep <= 0 || sleep+answerTime > grace {
		t.Errorf("a pod has %s to end, and needs %s and %s", grace, sleep, answerTime)
	}
	const nonroot = 65532 // of gcr.io/distroless/static
	if p.Security.RunAsUser != nonroot {
		t.Errorf("it runs as the user %d", p.Security.RunAsUser)
	}
	text, err := os.ReadFile(repository + "/deploy/container/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Ports) != 1 || !strings.Contains(string(text), "\nENV PORT="+c.Ports[0].ContainerPort+"\n") {
		t.Errorf("it has the ports %v, and the image listens elsewhere", c.Ports)
	}
}
