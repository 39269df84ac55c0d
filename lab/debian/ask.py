"""Asks a health agent on loopback over mutual TLS, as strict as Python can be: ask.py PATH ADDRESS CA CERTIFICATE KEY.

ADDRESS is what its certificate must hold. Without CERTIFICATE and KEY none is shown. Prints the answer.
"""

import http.client
import socket
import ssl
import sys

PORT = 9443

path, address, authority, *own = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(authority)
context.verify_flags |= ssl.VERIFY_X509_STRICT
if own:
    context.load_cert_chain(*own)
connection = http.client.HTTPConnection(address, PORT)
connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", PORT), 10), server_hostname=address)
connection.request("GET", path)
answer = connection.getresponse()
print(answer.status, answer.read().decode())
