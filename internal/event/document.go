package event

func isDocument(e *Event) bool { return false }
func (e *Event) setDocument()  {}
