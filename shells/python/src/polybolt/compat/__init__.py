"""For components written for other libraries: change the import line, and they speak Polybolt's own protocol.

storm: storm.py of Apache Storm. streamparse: pystorm and streamparse. flux: components that Storm has in Java.
"""
