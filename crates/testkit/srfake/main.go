// srfake serves the fake schema registry of franz-go for Forebay's tests. Beside the registry it has a door: a second
// address where a test says what is to go wrong and asks what was requested. See crates/testkit/src/registry/srfake.rs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func main() {
	addressFile := flag.String("address-file", "", "the two addresses, registry and door, are written to this file when they answer")
	authorization := flag.String("authorization", "", "the Authorization header that every request must have")
	basePath := flag.String("base-path", "", "path in front of the registry's own")
	certificates := flag.String("certificates", "", "serve TLS, with an authority and keys made in this directory")
	clientCertificate := flag.Bool("client-certificate", false, "accept only clients with the certificate made there")
	flag.Parse()

	var options []srfake.Option
	if *authorization != "" {
		options = append(options, srfake.WithAuth(*authorization))
	}
	registry := srfake.NewRegistry(options...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	stopOn(err)
	door, err := net.Listen("tcp", "127.0.0.1:0")
	stopOn(err)
	addresses := fmt.Sprintf("%s\n%s\n", listener.Addr(), door.Addr())
	if *certificates != "" {
		listener, err = withTLS(listener, *certificates, *clientCertificate)
		stopOn(err)
	}
	go func() { stopOn(http.Serve(door, openDoor(registry))) }()
	stopOn(announce(*addressFile, addresses))
	stopOn(http.Serve(listener, http.StripPrefix(*basePath, registry.Handler())))
}

func stopOn(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// openDoor serves what tests say and ask: never refused, never late, never among the requests.
func openDoor(registry *srfake.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /subjects/{subject}", func(w http.ResponseWriter, r *http.Request) { register(registry, w, r) })
	mux.HandleFunc("POST /schemas", func(w http.ResponseWriter, r *http.Request) { seed(registry, w, r) })
	faults := &faults{}
	faults.addTo(mux)
	registry.Intercept(faults.intercept)
	return mux
}

func register(registry *srfake.Registry, w http.ResponseWriter, r *http.Request) {
	var schema sr.Schema
	if err := json.NewDecoder(r.Body).Decode(&schema); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	subject := r.PathValue("subject")
	_, version, err := registry.RegisterSchema(subject, schema)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	registered, _ := registry.GetSchema(subject, version)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": registered.ID, "version": version, "guid": registered.GUID})
}

// Renamed into place, so that whoever waits for the file never reads half of it.
func announce(file, addresses string) error {
	if err := os.WriteFile(file+".new", []byte(addresses), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// seed puts a schema under an id of the caller's choice.
func seed(registry *srfake.Registry, w http.ResponseWriter, r *http.Request) {
	var body struct {
		Subject string
		Version int
		ID      int
		Schema  sr.Schema
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer func() {
		if refusal := recover(); refusal != nil {
			http.Error(w, strings.TrimSpace(fmt.Sprint(refusal)), http.StatusConflict)
		}
	}()
	registry.SeedSchema(body.Subject, body.Version, body.ID, body.Schema)
	w.WriteHeader(http.StatusNoContent)
}
