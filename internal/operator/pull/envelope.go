// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// envelope is the body of a wrapped push without the message's data:
// https://cloud.google.com/pubsub/docs/push#receive_push
type envelope struct {
	Message struct {
		MessageID   string            `json:"messageId"`
		Attributes  map[string]string `json:"attributes,omitempty"`
		PublishTime string            `json:"publishTime,omitempty"`
		OrderingKey string            `json:"orderingKey,omitempty"`
	} `json:"message"`
	Subscription    string `json:"subscription"`
	DeliveryAttempt *int   `json:"deliveryAttempt,omitempty"`
}

// messageOpens is how every envelope begins.
const messageOpens = `{"message":{`

// pushOf is the request by which Pub/Sub would push m: where topic is not empty, as
// Eventarc has it push, with the topic in the address. Its body must be closed. The
// data is encoded while it is read, so that the function's bound on the bytes in memory
// holds for what is encoded too.
func pushOf(ctx context.Context, subscription, topic string, m *pubsub.Message) (*http.Request, error) {
	e := envelope{Subscription: subscription, DeliveryAttempt: m.DeliveryAttempt}
	e.Message.MessageID, e.Message.Attributes, e.Message.OrderingKey = m.ID, m.Attributes, m.OrderingKey
	if !m.PublishTime.IsZero() {
		e.Message.PublishTime = m.PublishTime.UTC().Format(time.RFC3339Nano)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding the message %s: %w", m.ID, err)
	}
	head, tail := messageOpens, string(text[len(messageOpens):])
	if len(m.Data) > 0 { // else a push has no data
		head, tail = messageOpens+`"data":"`, `",`+tail
	}
	body, w := io.Pipe()
	go func() { _ = w.CloseWithError(encode(w, head, m.Data, tail)) }() // it is always nil
	address := "/"
	if topic != "" {
		address += "?__GCP_CloudEventsMode=CUSTOM_PUBSUB_" + url.QueryEscape(topic)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return nil, fmt.Errorf("making a request of the message %s: %w", m.ID, err)
	}
	r.ContentLength = int64(len(head) + base64.StdEncoding.EncodedLen(len(m.Data)) + len(tail))
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// encode writes data in base64 between two texts.
func encode(w io.Writer, head string, data []byte, tail string) error {
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := encoder.Write(data); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, tail)
	return err
}
