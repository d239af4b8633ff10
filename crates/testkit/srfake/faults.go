package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// fault is what happens to the next requests whose path begins with Path. A status of 0 means: late, but right.
type fault struct {
	Path    string
	Times   int
	Status  int
	Headers map[string]string
	Body    string
	DelayMs int `json:"delay_ms"`
}

// request is what the registry was asked.
type request struct {
	Method  string            `json:"method"`
	URI     string            `json:"uri"`
	Headers map[string]string `json:"headers"`
}

// faults keeps what is still to go wrong, in order, and every request.
type faults struct {
	mu       sync.Mutex
	pending  []fault
	requests []request
}

func (f *faults) intercept(w http.ResponseWriter, r *http.Request) bool {
	fault, found := f.note(r)
	if !found {
		return false
	}
	select {
	case <-time.After(time.Duration(fault.DelayMs) * time.Millisecond):
	case <-r.Context().Done():
		return true
	}
	if fault.Status == 0 {
		return false
	}
	for name, value := range fault.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(fault.Status)
	_, _ = w.Write([]byte(fault.Body))
	return true
}

// note remembers the request and uses up the first fault that is meant for it.
func (f *faults) note(r *http.Request) (fault, bool) {
	headers := map[string]string{}
	for name := range r.Header {
		headers[strings.ToLower(name)] = r.Header.Get(name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, request{Method: r.Method, URI: r.URL.RequestURI(), Headers: headers})
	for index := range f.pending {
		if next := &f.pending[index]; next.Times > 0 && strings.HasPrefix(r.URL.Path, next.Path) {
			next.Times--
			return *next, true
		}
	}
	return fault{}, false
}

func (f *faults) addTo(mux *http.ServeMux) {
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var added fault
		if err := json.NewDecoder(r.Body).Decode(&added); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pending = append(f.pending, added)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pending = nil
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		_ = json.NewEncoder(w).Encode(append([]request{}, f.requests...))
	})
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.requests = nil
		w.WriteHeader(http.StatusNoContent)
	})
}
