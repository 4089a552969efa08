"""Why a client does not see a PV: `sswd doctor`.

    evidence    what was found out, as data
    checks      what follows from it, and what to do: pure, one function a cause
    search      asks for the PV at each address of the search, by UDP
    reach       asks a server over TCP
    host        what is on this host: sockets, repeater, daemons of sswd
    examine     collects the evidence

It works for a PV of any IOC. Nothing is changed, nothing is put.
"""
