"""The daemon's end of the control socket; `sswd.control` has the other and the words.

listener     the socket: who may connect, how many
connection   one client: requests in, answers out, in bounds
answers      what is answered to which request
status       collects what `status` tells; findings says what of it is not well
pv_values    get, call and watch
clients      the Channel Access clients
log_ring     the last lines of the log
disk         how much room is left, asked beside the loop
api          what of the daemon all of them may use
"""
