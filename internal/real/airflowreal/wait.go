// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

const waitInterval = 50 * time.Millisecond

// waitUntil asks notReady, which names what is still missing, until it is
// silent. It gives up where one of the processes ends, or after readyBound.
func waitUntil(ctx context.Context, processes []*process, notReady func(context.Context) string) error {
	ctx, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	for {
		reason := notReady(ctx)
		if reason == "" {
			return nil
		}
		for _, p := range processes {
			select {
			case <-p.done:
				return &ExitError{Name: p.name, Err: p.err, Log: p.tail()}
			default:
			}
		}
		select {
		case <-ctx.Done():
			return &notReadyError{reason: reason, err: ctx.Err(), processes: processes}
		case <-ticker.C:
		}
	}
}

// notReadyError shows the logs of what did not become ready.
type notReadyError struct {
	reason    string
	err       error
	processes []*process
}

func (e *notReadyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, and it was not ready: %s", e.err, e.reason)
	for _, p := range e.processes {
		fmt.Fprintf(&b, "\nthe end of the log of %s:\n%s", p.name, p.tail())
	}
	return b.String()
}

func (e *notReadyError) Unwrap() error { return e.err }

// Below the ports that systems choose from for outgoing connections (Linux
// from 32768, macOS from 49152): a client that asks again and again for a port
// of that range while its server is down can meet itself there, and then the
// server cannot come back.
const firstPort, ports, portTries = 20000, 12000, 100

// freePort returns a port of 127.0.0.1 on which nothing listens.
func freePort() (int, error) {
	var refused error
	for range portTries {
		port := firstPort + rand.IntN(ports)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		refused = err
	}
	return 0, errors.Join(errors.New("finding a free port"), refused)
}
